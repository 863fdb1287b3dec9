import { expect, test } from "bun:test";
import { readTfjsModel } from "../../../src/inference/prepare/tfjs-model.ts";
import { thrownBy } from "../../support/thrown.ts";

interface Entry {
  readonly dtype: string;
  readonly quantization?: object;
  readonly values: ArrayBufferView;
}

/** Reads one weight of each entry back. */
async function readWeights(entries: Readonly<Record<string, Entry>>, files: readonly string[] = ["w.bin"], cut = 0) {
  const bytes = Buffer.concat(
    Object.values(entries).map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  );
  const weights = Object.entries(entries).map(([name, { dtype, quantization, values }]) => {
    const length = (values as Uint8Array).length;
    return { name, dtype, shape: [length], ...(quantization && { quantization }) };
  });
  const model = {
    modelTopology: { node: [] },
    signature: { outputs: {} },
    weightsManifest: [{ paths: files, weights }],
  };
  const share = Math.ceil((bytes.length - cut) / files.length);
  const asked: string[] = [];
  const read = await readTfjsModel(new TextEncoder().encode(JSON.stringify(model)), async (name) => {
    asked.push(name);
    const part = files.indexOf(name);
    return bytes.subarray(part * share, Math.min((part + 1) * share, bytes.length - cut));
  });
  return { weights: (name: string) => Array.from(read.weights.get(name)!.values), asked };
}

test("weights of every stored type come back as the numbers they stand for", async () => {
  const { weights } = await readWeights({
    plain: { dtype: "float32", values: Float32Array.of(1.5, -2) },
    whole: { dtype: "int32", values: Int32Array.of(-7, 2 ** 30) },
    // 1, -2, the largest, the least normal and the least number of binary16.
    half: {
      dtype: "float32",
      quantization: { dtype: "float16" },
      values: Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001),
    },
    byte: { dtype: "float32", quantization: { dtype: "uint8", scale: 0.5, min: -1 }, values: Uint8Array.of(0, 2, 255) },
    short: { dtype: "float32", quantization: { dtype: "uint16", scale: 2, min: 3 }, values: Uint16Array.of(0, 65535) },
  });

  expect(weights("plain")).toEqual([1.5, -2]);
  expect(weights("whole")).toEqual([-7, 2 ** 30]);
  expect(weights("half")).toEqual([1, -2, 65504, 2 ** -14, 2 ** -24]);
  expect(weights("byte")).toEqual([-1, 0, 126.5]);
  expect(weights("short")).toEqual([3, 131073]);
});

test("weights that go over the end of one file continue in the next", async () => {
  const { weights, asked } = await readWeights(
    { a: { dtype: "float32", values: Float32Array.of(1, 2, 3) }, b: { dtype: "float32", values: Float32Array.of(4) } },
    ["one.bin", "two.bin"],
  );
  expect([weights("a"), weights("b")]).toEqual([[1, 2, 3], [4]]);
  expect(asked).toEqual(["one.bin", "two.bin"]);
});

test("weight files that end early are refused", async () => {
  const short = readWeights({ a: { dtype: "float32", values: Float32Array.of(1, 2) } }, ["w.bin"], 1);
  expect(await thrownBy(short)).toMatchObject({ code: "model_prepare_failed" });
});

test.each(["../secret.bin", "/etc/passwd", "https://elsewhere/w.bin", ".hidden"])(
  "a weight file named %s is not beside the model and is never asked for",
  async (path) => {
    const thrown = await thrownBy(readWeights({ a: { dtype: "float32", values: Float32Array.of(1) } }, [path]));
    expect(thrown).toMatchObject({ code: "model_prepare_failed", message: expect.stringContaining("beside") });
  },
);

test.each(["", "[]", "{}", '{"modelTopology":{"node":[]}}', "<html>"])("%p is no graph model", async (json) => {
  const thrown = await thrownBy(readTfjsModel(new TextEncoder().encode(json), async () => new Uint8Array()));
  expect(thrown).toMatchObject({ code: "model_prepare_failed" });
});
