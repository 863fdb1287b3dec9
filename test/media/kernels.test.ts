/** The committed kernels are the ones in the sources. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { compileKernels, KERNELS } from "../../scripts/build-kernels.ts";

for (const kernel of KERNELS.filter(({ folder }) => folder.startsWith("src/media"))) {
  test(`compiling ${kernel.module} anew gives the committed bytes`, async () => {
    const committed = await Bun.file(join(import.meta.dir, "../..", kernel.module)).bytes();
    expect(await compileKernels(kernel)).toEqual(committed);
  }, 60_000);
}
