/**
 * Lets a network that was exported for one picture take any number at once: the first dimension of inputs and outputs
 * becomes a name, and Reshape constants that fixed it to 1 follow the input.
 */
import type { onnx } from "onnx-proto";
import { FacewireError } from "../../errors.ts";
import { constantTensors, int64Tensor, int64Values, type OnnxFile } from "./onnx-file.ts";

const BATCH = "N";

/** Rewrites the model in place. Throws `model_prepare_failed` when a first dimension is fixed to more than 1. */
export function makeBatchDynamic(file: OnnxFile): void {
  const { graph } = file;
  const initializers = new Set(graph.initializer.map((tensor) => tensor.name));
  // Old exporters list the weights as inputs too, which keeps the runtime from folding them.
  graph.input.splice(0, graph.input.length, ...graph.input.filter((value) => !initializers.has(value.name)));
  for (const value of [...graph.input, ...graph.output]) freeFirstDimension(value);
  // Inferred shapes of inner values repeat the old batch; the runtime infers them anew.
  graph.valueInfo = [];
  freeReshapes(file);
}

function freeFirstDimension(value: onnx.IValueInfoProto): void {
  const first = value.type?.tensorType?.shape?.dim?.[0];
  if (!first || first.dimParam) return;
  if (Number(first.dimValue) > 1) {
    throw new FacewireError("model_prepare_failed", `Tensor ${value.name} has a first dimension of ${first.dimValue}.`);
  }
  delete first.dimValue;
  first.dimParam = BATCH;
}

/** `[1, 2, 58, 28, 28]` becomes `[-1, 2, …]`, and `[1, -1, 28, 28]`, which cannot have a second -1, `[0, -1, …]`. */
function freeReshapes(file: OnnxFile): void {
  const constants = constantTensors(file);
  const freed = new Map<string, string>();
  for (const node of file.graph.node) {
    const shapeName = node.opType === "Reshape" ? node.input?.[1] : undefined;
    const shape = shapeName === undefined ? undefined : constants.get(shapeName);
    if (shapeName === undefined || shape === undefined || node.input === null || node.input === undefined) continue;
    const sizes = int64Values(shape);
    if (sizes[0] !== 1 || sizes.length < 2) continue;
    // The constant may serve other nodes, which keep the old one.
    let name = freed.get(shapeName);
    if (name === undefined) {
      name = `${shapeName}/any-batch`;
      freed.set(shapeName, name);
      file.graph.initializer.push(int64Tensor(name, [sizes.includes(-1) ? 0 : -1, ...sizes.slice(1)]));
    }
    node.input[1] = name;
  }
  dropUnused(file, new Set(freed.keys()));
}

/** Takes constants out that nobody reads any more. */
function dropUnused({ graph }: OnnxFile, candidates: ReadonlySet<string>): void {
  const read = new Set([...graph.node.flatMap((node) => node.input ?? []), ...graph.output.map((value) => value.name)]);
  const unused = (name: string | null | undefined) =>
    typeof name === "string" && candidates.has(name) && !read.has(name);
  graph.initializer.splice(0, graph.initializer.length, ...graph.initializer.filter((tensor) => !unused(tensor.name)));
  graph.node.splice(0, graph.node.length, ...graph.node.filter((node) => !unused(node.output?.[0])));
}
