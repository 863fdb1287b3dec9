import { describe, expect, test } from "bun:test";
import { runStep } from "../../scripts/verify/step.ts";

describe("a step of verify", () => {
  test("is right when its command ends with 0, and its output is kept when asked for", async () => {
    const command = [process.execPath, "-e", "console.log('out'); console.error(' 3 pass')"];
    const result = await runStep("a step that works", command, true);
    expect(result.ok).toBe(true);
    expect(result.output).toContain("out\n");
    expect(result.output).toContain(" 3 pass\n");
  });

  test("has failed when its command ends otherwise or is killed", async () => {
    expect(await runStep("a step that fails", [process.execPath, "-e", "process.exit(3)"])).toMatchObject({
      ok: false,
    });
    const killed = await runStep("a step that is killed", [
      process.execPath,
      "-e",
      "process.kill(process.pid, 'SIGKILL')",
    ]);
    expect(killed.ok).toBe(false);
  });
});
