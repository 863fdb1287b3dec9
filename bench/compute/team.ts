/** The compute workers: one a core, all doing the same at the same time. */
import { Worker } from "node:worker_threads";
import type { ComputeAnswer, ComputeReady, ComputeSetup, ComputeWork } from "./protocol.ts";

/** What all workers together did in one block. */
export interface TeamAnswer {
  /** Pictures a second of all workers together. */
  readonly rate: number;
  /** Milliseconds of one core a picture. */
  readonly cpuMs: number;
  /** Milliseconds a picture for taking decoded pixels over, which the others leave out. */
  readonly copyMs: number;
}

/** See the file's head. */
export class ComputeTeam {
  readonly #workers: readonly Worker[];
  /** Faces that each plan's stages saw, by picture. */
  readonly faces: ComputeReady["faces"];

  private constructor(workers: readonly Worker[], faces: ComputeReady["faces"]) {
    this.#workers = workers;
    this.faces = faces;
  }

  /** Starts `size` workers; resolves when all have loaded their models. */
  static async start(size: number, setup: ComputeSetup): Promise<ComputeTeam> {
    const workers = Array.from(
      { length: size },
      () => new Worker(new URL("./worker.ts", import.meta.url), { workerData: setup }),
    );
    const ready = await Promise.all(workers.map((worker) => next<ComputeReady>(worker)));
    return new ComputeTeam(workers, ready[0]?.faces ?? []);
  }

  /** Lets every worker go over the pictures `passes` times. */
  async run(work: ComputeWork, passes: number): Promise<TeamAnswer> {
    const answers = this.#workers.map((worker) => next<ComputeAnswer>(worker));
    for (const worker of this.#workers) worker.postMessage({ work, passes });
    const all = await Promise.all(answers);
    const pictures = all.reduce((sum, answer) => sum + answer.pictures, 0);
    return {
      rate: all.reduce((sum, answer) => sum + (1000 * answer.pictures) / answer.elapsedMs, 0),
      cpuMs: all.reduce((sum, answer) => sum + answer.cpuMs, 0) / pictures,
      copyMs: all.reduce((sum, answer) => sum + answer.copyMs, 0) / pictures,
    };
  }

  /** Ends the workers; none of them may be computing. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function next<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once("message", (message: T) => {
      worker.off("error", reject);
      resolve(message);
    });
    worker.once("error", reject);
  });
}
