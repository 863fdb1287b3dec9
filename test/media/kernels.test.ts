/** The committed kernels are the ones in the sources. */
import { expect, test } from "bun:test";
import { compileKernels } from "../../scripts/build-kernels.ts";

test("compiling the kernels anew gives the committed bytes", async () => {
  const committed = await Bun.file(new URL("../../src/media/kernels/kernels.wasm", import.meta.url)).bytes();
  expect(await compileKernels()).toEqual(committed);
}, 60_000);
