/** The example project as somebody has it who wrote it: in a folder of its own, with Facewire as a dependency. */
import { beforeAll, expect, test } from "bun:test";
import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT } from "../support/cli.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const project = temporaryFolder("facewire-example-");
/** Where its tests may leave something. */
const scratch = temporaryFolder("facewire-example-tmp-");
const noModels = temporaryFolder("facewire-example-models-");

beforeAll(async () => {
  await cp(join(PROJECT_ROOT, "examples/turnstile"), project, {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  const modules = join(project, "node_modules");
  await mkdir(modules);
  // What `bun install` would bring, without a registry.
  await symlink(PROJECT_ROOT, join(modules, "facewire"));
  for (const name of ["bun-types", "@types"]) {
    await symlink(join(PROJECT_ROOT, "node_modules", name), join(modules, name));
  }
});

/** Runs a command there to its end; nothing of the surroundings' settings reaches it. */
async function run(...command: string[]): Promise<{ readonly code: number; readonly output: string }> {
  const surroundings = Object.entries(process.env).filter(([name]) => !name.startsWith("FACEWIRE_"));
  const env = { ...Object.fromEntries(surroundings), TMPDIR: scratch, FACEWIRE_MODELS_CACHE: noModels };
  const child = Bun.spawn([process.execPath, ...command], { cwd: project, env, stdout: "pipe", stderr: "pipe" });
  const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: (await texts).join("") };
}

test("its tests pass without any model file, and leave nothing behind", async () => {
  const { code, output } = await run("test");
  expect(output).toMatch(/^ 0 fail$/m);
  expect(Number(/^ (\d+) pass$/m.exec(output)?.[1])).toBeGreaterThan(0);
  expect(code).toBe(0);
  expect(await readdir(scratch)).toEqual([]);
}, 60_000);

test("its types check", async () => {
  expect(await run(join(PROJECT_ROOT, "node_modules/typescript/bin/tsc"), "-p", ".")).toEqual({ code: 0, output: "" });
}, 60_000);
