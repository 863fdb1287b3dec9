/** Pipeline files that change while requests run, in ways an editor or a checkout brings about. */
import { expect, test } from "bun:test";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PLAIN_PICTURE, type TestEngine, testEngine } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const FREE = "stages: [probe]\n";

function version(engine: TestEngine, name: string): string | undefined {
  return engine.engine.pipelines().find((pipeline) => pipeline.name === name)?.version;
}

test("a change that is taken back while a request runs leaves a pipeline that works", async () => {
  using probe = new ProbeChannel();
  const held = `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n`;
  await using engine = await testEngine({ p: held });
  const before = version(engine, "p");
  const running = engine.run("p", { files: [{ name: "old", bytes: PLAIN_PICTURE }] });
  await probe.holds(1);
  await engine.write("p", FREE);
  await eventually(() => version(engine, "p") !== before);
  await engine.write("p", held);
  await eventually(() => version(engine, "p") === before);
  probe.release("old");
  expect((await running).items[0]?.status).toBe("no_face");
  const next = engine.run("p", { files: [{ name: "new", bytes: PLAIN_PICTURE }], deadlineMs: 2000 });
  const started = await Promise.race([probe.holds(2).then(() => true), next.then(() => false)]);
  probe.release("new");
  expect(started).toBe(true);
  expect((await next).items[0]?.status).toBe("no_face");
});

test("two files of one name are reported, and the version that ran goes on", async () => {
  await using engine = await testEngine({ p: FREE, q: "stages:\n  - use: p\n" });
  const before = version(engine, "p");
  const other = "name: p\ndescription: Another.\nstages: [probe, probe]\n";
  await writeFile(join(engine.pipelinesDir, "p.yml"), other);
  await eventually(() => engine.engine.pipelines()[0]?.status === "stale");
  expect(engine.engine.pipelines().map(({ name, status }) => `${name} ${status}`)).toEqual(["p stale", "q stale"]);
  expect(engine.engine.pipelines()[0]?.error?.message).toContain("p.yml");
  expect((await engine.run("p")).version).toBe(before ?? "");
  await rename(join(engine.pipelinesDir, "p.yml"), join(engine.pipelinesDir, "p.yaml"));
  await eventually(() => engine.engine.pipelines()[0]?.status === "ok");
  expect(version(engine, "p")).not.toBe(before);
});

test("a file that can no longer be read is reported, and the version that ran goes on until the file is gone", async () => {
  await using engine = await testEngine({ p: FREE, q: "stages:\n  - use: p\n" });
  const before = version(engine, "p");
  const link = join(engine.pipelinesDir, "link");
  await symlink(join(engine.pipelinesDir, "nowhere"), link);
  await rename(link, join(engine.pipelinesDir, "p.yaml"));
  await eventually(() => engine.engine.pipelines()[0]?.status === "stale");
  expect(engine.engine.pipelines()[0]?.error).toMatchObject({ code: "pipeline_invalid" });
  expect(engine.engine.pipelines()[0]?.error?.message).toContain("p.yaml cannot be read");
  expect(engine.engine.health().pipelines).toMatchObject({ status: "degraded", details: { p: "stale" } });
  expect((await engine.run("p")).version).toBe(before ?? "");
  // What uses its stages goes on too, and says which file is at fault.
  expect(engine.engine.pipelines()[1]).toMatchObject({ name: "q", status: "stale" });
  expect(engine.engine.pipelines()[1]?.error?.message).toContain("p.yaml cannot be read");
  await engine.remove("p");
  await eventually(() => engine.engine.pipelines().length === 1);
});

test("a folder named like a pipeline file is reported and keeps no other pipeline from running", async () => {
  await using engine = await testEngine({ p: FREE });
  await mkdir(join(engine.pipelinesDir, "folder.yaml"));
  await eventually(() => engine.engine.pipelines().length === 2);
  expect(engine.engine.pipelines()[0]).toMatchObject({ name: "folder", status: "unavailable" });
  expect(engine.engine.pipelines()[0]?.error?.message).toContain("folder.yaml cannot be read");
  expect((await engine.run("p")).items[0]?.status).toBe("no_face");
  await rm(join(engine.pipelinesDir, "folder.yaml"), { recursive: true });
  await eventually(() => engine.engine.health().pipelines?.status === "ok");
});

test("a pipe named like a pipeline file is reported at once and keeps nothing waiting", async () => {
  await using engine = await testEngine({ p: FREE });
  await Bun.$`mkfifo ${join(engine.pipelinesDir, "pipe.yaml")}`;
  await eventually(() => engine.engine.pipelines().length === 2);
  const [, pipe] = engine.engine.pipelines();
  expect(pipe?.error?.message).toContain("pipe.yaml cannot be read");
  expect((await engine.run("p")).items[0]?.status).toBe("no_face");
});

/** Two folders, each with its own version of `p`, and a link to the first. */
async function linkedFolders(folder: string): Promise<string> {
  for (const [name, stages] of [
    ["one", "[probe]"],
    ["two", "[probe, probe]"],
  ] as const) {
    await mkdir(join(folder, name, "pipelines"), { recursive: true });
    const text = `name: p\ndescription: ${name}.\nstages: ${stages}\n`;
    await writeFile(join(folder, name, "pipelines/p.yaml"), text);
  }
  await symlink("one", join(folder, "now"));
  return join(folder, "now");
}

const described = (engine: TestEngine) => engine.engine.pipelines()[0]?.description;

test("a link that is switched to another folder, at whatever place of the path, brings that folder's pipelines", async () => {
  const folder = temporaryFolder("facewire-linked-");
  const now = await linkedFolders(folder);
  await using engine = await testEngine({}, { pipelinesDir: join(now, "pipelines") });
  expect(described(engine)).toBe("one.");
  // As a deployment does it: a new link is put in the place of the old one.
  await symlink("two", `${now}.new`);
  await rename(`${now}.new`, now);
  await eventually(() => described(engine) === "two.");
  // The folder it leads to now is the one that is followed.
  await writeFile(join(folder, "two/pipelines/p.yaml"), "name: p\ndescription: changed.\nstages: [probe]\n");
  await eventually(() => described(engine) === "changed.");
  await rm(folder, { recursive: true });
});

test("a folder that is taken away and put back is followed again", async () => {
  const folder = temporaryFolder("facewire-linked-");
  const dir = join(await linkedFolders(folder), "pipelines");
  await using engine = await testEngine({}, { pipelinesDir: dir });
  await rename(join(folder, "one"), join(folder, "away"));
  await eventually(() => engine.engine.health().pipelines?.status === "degraded");
  expect(described(engine)).toBe("one.");
  await rename(join(folder, "two"), join(folder, "one"));
  await eventually(() => described(engine) === "two.");
  expect(engine.engine.health().pipelines?.status).toBe("ok");
  await rm(folder, { recursive: true });
});
