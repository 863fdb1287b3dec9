/** Loading a prepared network and running it as its card says: crop, normalise, run in batches, decode. */
import "./no-telemetry.ts";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { FacewireError } from "../errors.ts";
import type { Affine, Picture, WarpTarget } from "../media/picture.ts";
import type { ModelCard } from "./card.ts";
import { cropBorder, cropBox, cropMap } from "./crop.ts";
import { type OutputDecoder, type OutputTensors, outputDecoder } from "./decode/output-decoder.ts";
import type { Model, ModelOutput, ModelOutputs, Subject } from "./model.ts";

/** A model with the memory it holds; whoever loaded it gives it back. */
export interface LoadedModel extends Model {
  /** Frees the session. The model must not be run afterwards. */
  release(): Promise<void>;
}

/** How a model is loaded. */
export interface LoadOptions {
  /** Threads one call of the network uses. One a worker with one worker a core is the fastest: see docs/models.md. */
  readonly threads?: number;
}

/**
 * Loads the prepared file of a card. Throws `model_unavailable` when it is missing, cannot be run, or does not have the
 * tensors and sizes the card states, and `model_damaged` when it is not the file the card was written for.
 */
export async function loadModel(card: ModelCard, file: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const bytes = await readPrepared(card, file);
  const session = await createSession(card, bytes, options.threads ?? 1);
  const model = new OnnxModel(card, session);
  try {
    await model.probe();
  } catch (error) {
    await session.release();
    throw error;
  }
  return model;
}

async function readPrepared(card: ModelCard, file: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new FacewireError("model_unavailable", `The prepared file of model ${card.name} is missing.`, { cause });
  }
  if (createHash("sha256").update(bytes).digest("hex") === card.sha256) return bytes;
  throw new FacewireError("model_damaged", `The prepared file of model ${card.name} does not match its card's sha256.`);
}

/** How sessions are set up; the benchmark's limit uses the same. */
export function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // Threads that spin while they wait take the cores from the other workers.
    extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
  };
}

async function createSession(card: ModelCard, bytes: Uint8Array, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, sessionOptions(threads));
  } catch (cause) {
    throw new FacewireError("model_unavailable", `The network of model ${card.name} could not be loaded.`, { cause });
  }
}

class OnnxModel implements LoadedModel {
  readonly card: ModelCard;
  readonly #session: InferenceSession;
  readonly #target: WarpTarget;
  readonly #decoders: readonly (readonly [name: string, decoder: OutputDecoder])[];
  readonly #fetches: readonly string[];
  /** Values of one crop. */
  readonly #cropLength: number;
  /**
   * Input buffers that no call uses now. A call takes one and gives it back, because two items of a worker may be in
   * the same model at once: the second fills its crops while the first waits for the runtime.
   */
  readonly #idle: Float32Array[] = [];

  constructor(card: ModelCard, session: InferenceSession) {
    this.card = card;
    this.#session = session;
    const { width, height, color, mean, std } = card.input;
    const channels = color === "gray" ? 1 : 3;
    const perChannel = (values: readonly number[]) =>
      values.length === channels ? values : Array.from({ length: channels }, () => values[0]!);
    this.#target = {
      width,
      height,
      color,
      mean: perChannel(mean),
      std: perChannel(std),
      border: cropBorder(card.crop),
    };
    this.#cropLength = channels * height * width;
    this.#decoders = Object.entries(card.outputs).map(
      ([name, rule]) => [name, outputDecoder(rule, card.input)] as const,
    );
    this.#fetches = [...new Set(this.#decoders.flatMap(([, decoder]) => decoder.tensors))];
  }

  cropBox(picture: Pick<Picture, "width" | "height">, subject: Subject) {
    return cropBox(this.card, picture, subject);
  }

  async run(picture: Picture, subjects: readonly Subject[]): Promise<readonly ModelOutputs[]> {
    const results: ModelOutputs[] = [];
    const buffer = this.#idle.pop() ?? new Float32Array(this.card.batch * this.#cropLength);
    try {
      for (let from = 0; from < subjects.length; from += this.card.batch) {
        const maps = subjects
          .slice(from, from + this.card.batch)
          .map((subject) => cropMap(this.card, picture, subject));
        for (const [row, map] of maps.entries()) picture.warp(map, this.#target, buffer, row * this.#cropLength);
        const tensors = await this.#call(buffer, maps.length);
        for (const [row, map] of maps.entries()) results.push(this.#decode(tensors, row, map));
      }
    } finally {
      this.#idle.push(buffer);
    }
    return results;
  }

  release(): Promise<void> {
    this.#idle.length = 0;
    return this.#session.release();
  }

  /** Runs the network once on nothing, to see that it takes what the card says and gives what the card reads. */
  async probe(): Promise<void> {
    const misfit = this.#metadataMisfit();
    if (misfit !== undefined) throw this.#unfit(misfit);
    // The full batch: a network whose batch is fixed inside shows it here, not on the first picture with two faces.
    const buffer = new Float32Array(this.card.batch * this.#cropLength);
    const tensors = await this.#call(buffer, this.card.batch).catch((cause) => {
      throw this.#unfit(`it failed on ${this.card.batch} crops of the card's size`, cause);
    });
    for (const [name, decoder] of this.#decoders) {
      const problem = decoder.misfit(tensors) ?? this.#batchMisfit(decoder, tensors);
      if (problem !== undefined) throw this.#unfit(`output ${name}: ${problem}`);
    }
    this.#idle.push(buffer);
  }

  async #call(buffer: Float32Array, rows: number): Promise<OutputTensors> {
    const { input } = this.card;
    const data = buffer.subarray(0, rows * this.#cropLength);
    const dims = [rows, this.#target.mean.length, input.height, input.width];
    try {
      const tensors = await this.#session.run({ [input.tensor]: new Tensor("float32", data, dims) }, this.#fetches);
      return tensors as unknown as OutputTensors;
    } catch (cause) {
      throw new FacewireError("stage_failed", `The network of model ${this.card.name} failed.`, { cause });
    }
  }

  #decode(tensors: OutputTensors, row: number, map: Affine): ModelOutputs {
    const outputs: Record<string, ModelOutput> = {};
    for (const [name, decoder] of this.#decoders) outputs[name] = decoder.decode(tensors, row, map);
    return outputs;
  }

  /** What the network itself says of its tensors, against the card. */
  #metadataMisfit(): string | undefined {
    const { input, batch } = this.card;
    const { inputMetadata, outputMetadata } = this.#session;
    const found = inputMetadata.find(({ name }) => name === input.tensor);
    if (inputMetadata.length !== 1 || found?.isTensor !== true) {
      return `it has the inputs ${inputMetadata.map(({ name }) => name).join(", ")}, not just ${input.tensor}`;
    }
    const wanted = [1, this.#target.mean.length, input.height, input.width];
    const fits =
      found.shape.length === 4 && found.shape.every((size, i) => typeof size === "string" || size === wanted[i]);
    if (found.type !== "float32" || !fits) {
      return `its input is ${found.type} [${found.shape.join(", ")}], not float32 [n, ${wanted.slice(1).join(", ")}]`;
    }
    if (typeof found.shape[0] === "number" && batch > 1) {
      return `it takes one crop at once and the card's batch is ${batch}; add the step dynamic-batch or set batch to 1`;
    }
    for (const name of this.#fetches) {
      const output = outputMetadata.find((candidate) => candidate.name === name);
      const names = outputMetadata.map((candidate) => candidate.name).join(", ");
      if (output === undefined) return `it has no output ${name}, only ${names}`;
      if (!output.isTensor || output.type !== "float32") return `its output ${name} is not a float32 tensor`;
    }
    return undefined;
  }

  #batchMisfit(decoder: OutputDecoder, tensors: OutputTensors): string | undefined {
    const name = decoder.tensors.find((tensor) => tensors[tensor]!.dims[0] !== this.card.batch);
    return name === undefined
      ? undefined
      : `tensor ${name} has ${tensors[name]!.dims[0]} rows for ${this.card.batch} crops`;
  }

  #unfit(problem: string, cause?: unknown): FacewireError {
    const message = `The network of model ${this.card.name} does not fit its card: ${problem}.`;
    return new FacewireError("model_unavailable", message, cause === undefined ? {} : { cause });
  }
}
