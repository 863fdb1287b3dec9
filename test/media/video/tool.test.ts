/** Starting ffmpeg's programs where something is missing: the end is told, nobody waits for ever. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startTool, wasNotRunnable } from "../../../src/media/video/tool.ts";

const VERSION = { url: "pipe:1", options: ["-version"] } as const;

describe("starting a tool", () => {
  test("a process that cannot be started at all ends with its failure", async () => {
    const run = await startTool({ command: "ffmpeg", folder: join(import.meta.dir, "nowhere"), output: VERSION });
    const end = await run.ended;
    expect(end).toMatchObject({ code: undefined, stdout: "", stderr: "" });
    expect(wasNotRunnable(end)).toBe(true);
  });

  test("a tool that is not there ends with its failure, also where PATH leads nowhere", async () => {
    const script = `
      const { startTool, wasNotRunnable } = await import("./src/media/video/tool.ts");
      const run = await startTool({ command: "ffmpeg", output: ${JSON.stringify(VERSION)} });
      console.log(wasNotRunnable(await run.ended));
    `;
    const root = join(import.meta.dir, "../../..");
    const child = Bun.spawn([process.execPath, "-e", script], {
      cwd: root,
      env: { PATH: join(root, "nowhere") },
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await new Response(child.stdout).text()).toBe("true\n");
  });
});
