import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { facewire, PROJECT_ROOT, spawnFacewire } from "../support/cli.ts";

let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-serving-"));
  env = { FACEWIRE_DATA_DIR: folder };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A started command, its output up to and including the line that `until` is found in, and the rest later. */
async function started(words: readonly string[], until: RegExp, more: Readonly<Record<string, string>> = {}) {
  const child = spawnFacewire(words, { env: { ...env, ...more } });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += part.value;
    if (until.test(text)) return { child, text };
  }
  throw new Error(`ended without saying ${until}: ${text}${await new Response(child.stderr).text()}`);
}

describe("facewire serve", () => {
  test("says where it listens, answers there, and SIGTERM ends it with 0", async () => {
    const { child, text } = await started(["serve", "--listen", "127.0.0.1:0"], /listens on \S+\n/);
    const url = /listens on (\S+)/.exec(text)![1]!;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  test("a taken port is one readable line and exit 1", async () => {
    using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("mine") });
    const { code, stderr } = await facewire(["serve", "--listen", `127.0.0.1:${taken.port}`], {
      env: { ...env, FACEWIRE_LOG_LEVEL: "silent" },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error config_invalid: Port \d+ on 127\.0\.0\.1 is taken.*--listen .*\n$/);
  });

  test("an address beyond loopback without a token is refused with what to do", async () => {
    const { code, stderr } = await facewire(["serve", "--listen", "0.0.0.0:0"], {
      env: { FACEWIRE_DATA_DIR: join(folder, "none"), FACEWIRE_LOG_LEVEL: "silent" },
    });
    expect(code).toBe(1);
    expect(stderr).toStartWith("error listen_unsafe: ");
    expect(stderr).toContain("facewire tokens create");
  });

  test("a wrong address names the setting", async () => {
    const { code, stderr } = await facewire(["serve", "--listen", "somewhere"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain("FACEWIRE_LISTEN_NATIVE");
  });

  test("an address for a process that answers no requests is refused as wrong words", async () => {
    const words = ["serve", "--roles", "inference", "--listen", "127.0.0.1:0"];
    const { code, stderr } = await facewire(words, { env: { ...env, FACEWIRE_BUS: "nats" } });
    expect(code).toBe(2);
    expect(stderr).toContain("--listen is for processes with the role api");
  });
});

describe("facewire up", () => {
  test("checks itself with a photo and prints addresses and a curl that works as it stands", async () => {
    const { child, text } = await started(["up", "--listen", "127.0.0.1:0"], /Ctrl-C/);
    expect(text).toMatch(/Self-check: a photo through face-liveness took [\d.]+ ms\n.* 1 face\n.*\((REGULAR)\)/);
    for (const path of ["/v1/pipelines", "/swagger", "/health", "/metrics"]) {
      const url = new RegExp(`(http://\\S+${path})\\b`).exec(text)![1]!;
      expect((await fetch(url)).status).toBe(200);
    }
    const command = /^ +(curl .*)$/m.exec(text)![1]!;
    const curl = Bun.spawn(["sh", "-c", `${command} --silent`], { cwd: PROJECT_ROOT, stdout: "pipe" });
    const answer = (await new Response(curl.stdout).json()) as { items: { status: string }[] };
    expect(answer.items[0]!.status).toBe("ok");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
  });

  test("without ffmpeg says in a line what to do and starts all the same", async () => {
    const { child } = await started(["up", "--listen", "127.0.0.1:0"], /Ctrl-C/, { PATH: folder });
    child.kill("SIGINT");
    const stderr = await new Response(child.stderr).text();
    expect(stderr).toContain("run apt-get install ffmpeg as root; pictures work without\n");
    expect(await child.exited).toBe(0);
  });

  test("leaves an ffmpeg that the settings name alone", async () => {
    const more = { PATH: folder, FACEWIRE_VIDEO_FFMPEG: join(folder, "my-ffmpeg") };
    const { child } = await started(["up", "--listen", "127.0.0.1:0"], /Ctrl-C/, more);
    child.kill("SIGINT");
    expect(await new Response(child.stderr).text()).not.toContain("apt-get");
    expect(await child.exited).toBe(0);
  });

  test("a taken port is told before anything else, with how to choose another", async () => {
    using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("mine") });
    const { code, stdout, stderr } = await facewire(["up", "--listen", `127.0.0.1:${taken.port}`], { env });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(`is taken`);
    expect(stderr).toContain(`--listen 127.0.0.1:${taken.port! + 1}`);
  });
});
