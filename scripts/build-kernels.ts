/**
 * Compiles the raster kernels (AssemblyScript with WASM SIMD) to `src/media/kernels/kernels.wasm`, which is committed so
 * that nothing has to be compiled to run. `bun scripts/build-kernels.ts [output]`
 */
import { join } from "node:path";
import asc from "assemblyscript/asc";

const folder = join(import.meta.dir, "../src/media/kernels");

/** Compiles the kernels and returns the module's bytes; throws with the compiler's messages. */
export async function compileKernels(): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array | string>();
  const { error, stderr } = await asc.main(
    [
      "kernels.ts",
      ...["--baseDir", join(folder, "assembly")],
      ...["--outFile", "kernels.wasm"],
      ...["--runtime", "stub"],
      ...["--enable", "simd"],
      ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--converge"],
      "--noAssert",
    ],
    { writeFile: (name, contents) => void files.set(name, contents) },
  );
  const module = files.get("kernels.wasm");
  if (error || !(module instanceof Uint8Array)) throw new Error(`The kernels do not compile.\n${stderr.toString()}`);
  return module;
}

if (import.meta.main) {
  const target = process.argv[2] ?? join(folder, "kernels.wasm");
  const bytes = await Bun.write(target, await compileKernels());
  console.log(`Wrote ${bytes} bytes.`);
}
