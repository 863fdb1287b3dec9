import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { facewire } from "../support/cli.ts";
import { hasNatsServer, startNatsServer } from "../support/nats-server.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-doctor-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const free = { FACEWIRE_LISTEN_NATIVE: "127.0.0.1:0" };

describe("facewire doctor", () => {
  test("finds nothing missing where everything is there", async () => {
    const env = { ...free, FACEWIRE_DATA_DIR: join(folder, "data") };
    const { code, stdout } = await facewire(["doctor"], { env });
    expect(stdout).not.toContain("missing ");
    expect(stdout).toEndWith("Nothing is missing.\n");
    expect(code).toBe(0);
    for (const part of [
      "bun",
      "packages",
      "inference runtime",
      "picture decoder",
      "picture coder",
      "models",
      "pipelines",
      "database",
      "bus",
      "ffmpeg",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ok +${part} `, "m"));
    }
  });

  test("names what is missing with the command that mends it, and ends with 1", async () => {
    const pipelines = join(folder, "pipelines");
    await mkdir(pipelines);
    await writeFile(join(pipelines, "broken.yaml"), "name: broken\n");
    const file = join(folder, "a-file");
    await writeFile(file, "");
    const env = {
      ...free,
      FACEWIRE_MODELS_CACHE: join(folder, "no-models"),
      FACEWIRE_PIPELINES_DIR: pipelines,
      FACEWIRE_DATA_DIR: join(file, "below"),
    };
    const { code, stdout } = await facewire(["doctor"], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^missing +models +.*pfld-68 missing.*\n +mend: facewire models pull$/m);
    expect(stdout).toMatch(/^missing +pipelines +not valid: broken\.yaml\n +mend: facewire pipelines check all$/m);
    expect(stdout).toMatch(/^missing +data folder /m);
    expect(stdout).toMatch(/^missing +database /m);
    expect(stdout).toEndWith("4 missing.\n");
  });

  test("a taken port is worth a warning with another to choose, and not a failure", async () => {
    using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("mine") });
    const env = { FACEWIRE_LISTEN_NATIVE: `127.0.0.1:${taken.port}`, FACEWIRE_DATA_DIR: join(folder, "data") };
    const { code, stdout } = await facewire(["doctor"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^warn +port +\S+ is taken by another program/m);
  });

  test("a NATS server that does not answer, and roles that reach nobody, are missing; no secret is shown", async () => {
    using closed = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
    const address = `127.0.0.1:${closed.port}`;
    await closed.stop(true);
    const env = { ...free, FACEWIRE_DATA_DIR: join(folder, "data") };
    const nats = { ...env, FACEWIRE_BUS: "nats", FACEWIRE_NATS_URL: `nats://user:geheim@${address}` };
    const unreached = await facewire(["doctor"], { env: nats });
    expect(unreached.code).toBe(1);
    expect(unreached.stdout).toMatch(new RegExp(`^missing +bus +.*${address}\\.\\n +mend: start a nats-server`, "m"));
    expect(unreached.stdout).not.toContain("geheim");
    const alone = await facewire(["doctor"], { env: { ...env, FACEWIRE_ROLES: "[api]" } });
    expect(alone.stdout).toMatch(/^missing +bus +.*role api alone.*\n +mend: set bus: nats/m);
  });

  test.skipIf(!hasNatsServer())("a NATS server that answers is named with its version", async () => {
    await using server = await startNatsServer({ jetstream: false });
    const env = {
      ...free,
      FACEWIRE_DATA_DIR: join(folder, "data"),
      FACEWIRE_BUS: "nats",
      FACEWIRE_NATS_URL: server.url,
    };
    expect((await facewire(["doctor"], { env })).stdout).toMatch(/^ok +bus +127\.0\.0\.1:\d+ \(nats-server \d/m);
  });

  test("a missing ffmpeg is worth a warning that says what to do, and not a failure", async () => {
    const env = { ...free, FACEWIRE_DATA_DIR: join(folder, "data") };
    const own = await facewire(["doctor"], { env: { ...env, FACEWIRE_VIDEO_FFMPEG: join(folder, "no-ffmpeg") } });
    expect(own.code).toBe(0);
    expect(own.stdout).toMatch(/^warn +ffmpeg +\S+no-ffmpeg is missing.*pictures work without\n +mend: correct video/m);
    const other = await facewire(["doctor"], { env: { ...env, FACEWIRE_VIDEO_FFMPEG: "false" } });
    expect(other.stdout).toMatch(/^warn +ffmpeg +false cannot be run/m);
    const none = await facewire(["doctor"], { env: { ...env, PATH: folder } });
    expect(none.stdout).toMatch(/^warn +ffmpeg +ffmpeg is missing.*\n +mend: apt-get install ffmpeg, as root$/m);
  });

  test("says for each kind of failure what mends that one", async () => {
    const data = join(folder, "garbage");
    await mkdir(data);
    await writeFile(join(data, "facewire.sqlite"), "no database, but a text of some length".repeat(100));
    const cards = join(folder, "cards");
    await mkdir(cards);
    await writeFile(join(cards, "x.yaml"), "name: x\n");
    const stage = join(folder, "my-stage.ts");
    await writeFile(stage, "export default 7;\n");
    const mends = async (env: Readonly<Record<string, string>>) => {
      const { code, stdout } = await facewire(["doctor"], { env: { ...free, FACEWIRE_DATA_DIR: data, ...env } });
      expect(code).toBe(1);
      expect(stdout).not.toContain("--verbose");
      return stdout;
    };
    const first = await mends({ FACEWIRE_PIPELINES_DIR: join(folder, "none") });
    expect(first).toMatch(/^missing +database .*not a database\.\n +mend: restore it .*mv \S+\.sqlite \S+damaged$/m);
    expect(first).toMatch(/^missing +pipelines +\S+none: no such file or directory\n +mend: set pipelines_dir /m);
    const second = await mends({ FACEWIRE_STAGES_EXTRA: JSON.stringify([stage]), FACEWIRE_MODELS_DIR: cards });
    expect(second).toMatch(/^missing +models +error card_invalid: [\s\S]*?\n +mend: correct the lines named$/m);
    const third = await mends({ FACEWIRE_STAGES_EXTRA: JSON.stringify([stage]) });
    expect(third).toMatch(/^missing +pipelines .*my-stage\.ts.*\n +mend: .* take it out of stages\.extra$/m);
  });

  test("wrong settings are told with their line, the rest is looked at all the same", async () => {
    const file = join(folder, "settings.yaml");
    await writeFile(file, "htp: {}\n");
    const { code, stdout } = await facewire(["doctor", "--config", file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok +bun /m);
    expect(stdout).toContain("settings.yaml:1:1 htp");
  });
});
