/**
 * Compiles the kernels (AssemblyScript with WASM SIMD) to `.wasm` files, which are committed so that nothing has to be
 * compiled to run. `bun scripts/build-kernels.ts`
 */
import { join } from "node:path";
import asc from "assemblyscript/asc";

/** A module to compile. */
interface Kernel {
  /** Folder of its sources, from the project's root. */
  readonly folder: string;
  readonly entry: string;
  /** Compiled module, from the project's root. */
  readonly module: string;
  readonly features: readonly string[];
}

const MEDIA: Kernel = {
  folder: "src/media/kernels/assembly",
  entry: "kernels.ts",
  module: "src/media/kernels/kernels.wasm",
  features: ["simd"],
};
const GALLERY = { folder: "src/gallery/kernels/assembly", entry: "scan.ts" };

/** All modules. The gallery's come with and without instructions that not every engine has. */
export const KERNELS: readonly Kernel[] = [
  MEDIA,
  { ...GALLERY, module: "src/gallery/kernels/scan.wasm", features: ["simd"] },
  { ...GALLERY, module: "src/gallery/kernels/scan-relaxed.wasm", features: ["simd", "relaxed-simd"] },
];

const root = join(import.meta.dir, "..");

/** Compiles a module and returns its bytes; throws with the compiler's messages. */
export async function compileKernels({ folder, entry, features }: Kernel = MEDIA): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array | string>();
  const { error, stderr } = await asc.main(
    [
      entry,
      ...["--baseDir", join(root, folder)],
      ...["--outFile", "kernels.wasm"],
      ...["--runtime", "stub"],
      ...features.flatMap((feature) => ["--enable", feature]),
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
  for (const kernel of KERNELS) {
    const bytes = await Bun.write(join(root, kernel.module), await compileKernels(kernel));
    console.log(`Wrote ${bytes} bytes to ${kernel.module}.`);
  }
}
