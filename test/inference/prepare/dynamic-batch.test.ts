import { expect, test } from "bun:test";
import { makeBatchDynamic } from "../../../src/inference/prepare/dynamic-batch.ts";
import { readOnnx, writeOnnx } from "../../../src/inference/prepare/onnx-file.ts";
import { network, numbers, runOnnx } from "../networks.ts";

/** As exporters write it for one picture: reshapes to [1, 2, 3, 4, 4] and [1, -1], weights listed as inputs. */
function fixedNetwork() {
  const file = network(
    6,
    4,
    (graph) => {
      const groups = graph.node("Reshape", ["input", graph.integers([1, 2, 3, 4, 4])]);
      const turned = graph.node("Transpose", [groups], { perm: [0, 2, 1, 3, 4] });
      const flat = graph.node("Reshape", [turned, graph.integers([1, -1])]);
      graph.node("MatMul", [flat, graph.floats(numbers(96 * 5), [96, 5])], {}, "output");
      return [{ name: "output", dims: [1, 5] }];
    },
    1,
  );
  const weight = file.graph.initializer.find((tensor) => tensor.dataType === 1)!;
  file.graph.input.push({
    name: weight.name!,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 96 }, { dimValue: 5 }] } } },
  });
  return readOnnx(writeOnnx(file));
}

test("a batch of three gives what three single runs gave before", async () => {
  const one = 6 * 4 * 4;
  const values = numbers(3 * one, 7);
  const original = writeOnnx(fixedNetwork());
  const file = fixedNetwork();
  makeBatchDynamic(file);

  const batch = await runOnnx(writeOnnx(file), "input", values, [3, 6, 4, 4]);
  expect(batch.output!.dims).toEqual([3, 5]);
  for (let row = 0; row < 3; row++) {
    const single = await runOnnx(original, "input", values.slice(row * one, (row + 1) * one), [1, 6, 4, 4]);
    const found = batch.output!.data.slice(row * 5, (row + 1) * 5);
    for (let i = 0; i < 5; i++) expect(found[i]!).toBeCloseTo(single.output!.data[i]!, 5);
  }
});

test("weights are no longer inputs of the network", () => {
  const file = fixedNetwork();
  makeBatchDynamic(file);
  expect(file.graph.input.map(({ name }) => name)).toEqual(["input"]);
});

test("a shape constant that other nodes read as well keeps its value for them", () => {
  const build = network(
    2,
    1,
    (graph) => {
      const shape = graph.integers([1, 2]);
      const flat = graph.node("Reshape", ["input", shape]);
      graph.node("Mul", [flat, graph.node("Cast", [shape], { to: 1 })], {}, "output");
      return [{ name: "output", dims: [1, 2] }];
    },
    1,
  );
  makeBatchDynamic(build);
  return expect(
    runOnnx(writeOnnx(build), "input", Float32Array.of(1, 1, 5, 5), [2, 2, 1, 1]).then(({ output }) => [
      ...output!.data,
    ]),
  ).resolves.toEqual([1, 2, 5, 10]);
});

test("a network that was exported for a fixed batch of four is refused", () => {
  const file = network(
    1,
    2,
    (graph) => {
      graph.node("Relu", ["input"], {}, "output");
      return [{ name: "output", dims: [4, 1, 2, 2] }];
    },
    4,
  );
  expect(() => makeBatchDynamic(file)).toThrow(expect.objectContaining({ code: "model_prepare_failed" }));
});
