/** Pipeline files that change while requests run, in ways an editor or a checkout brings about. */
import { expect, test } from "bun:test";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PLAIN_PICTURE, type TestEngine, testEngine } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";

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
