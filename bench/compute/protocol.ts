/** What the benchmark and its compute workers say to each other. */
import type { ModelCard } from "../../src/inference/card.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { RawPicture } from "../pictures.ts";

/** What a worker starts with. */
export interface ComputeSetup {
  readonly cards: readonly ModelCard[];
  readonly modelFiles: Readonly<Record<string, string>>;
  /** A picture goes through all of them, one after the other. */
  readonly plans: readonly Plan[];
  readonly pictures: readonly RawPicture[];
}

/**
 * `calls`: nothing but the models' calls on tensors that lie ready. `stages`: the pipelines from a decoded picture on, which
 * is where the engine's own `decode_ms` ends too. Both do the same calls with the same crops.
 */
export type ComputeWork = "calls" | "stages";

/** Goes over all pictures `passes` times. */
export interface ComputeOrder {
  readonly work: ComputeWork;
  readonly passes: number;
}

/** What a worker answers. */
export interface ComputeAnswer {
  readonly pictures: number;
  /** Without {@link copyMs}. */
  readonly elapsedMs: number;
  /** Milliseconds this thread was on a core, without {@link copyMs}; the wall clock's where the system does not say. */
  readonly cpuMs: number;
  /** Milliseconds for taking decoded pixels over, the last step of decoding. */
  readonly copyMs: number;
}

/** The first message of a worker: how many faces the first plan's and the last plan's stages saw on each picture. */
export interface ComputeReady {
  readonly faces: readonly (readonly number[])[];
}
