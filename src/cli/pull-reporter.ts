/** Shows how the models come: a bar while one is downloaded, a line when each is ready. */
import type { PullProgress } from "../inference/store.ts";
import { note } from "./output.ts";
import { type Progress, startProgress } from "./progress.ts";
import { bytesText, durationText, plural } from "./units.ts";

/** Told of every step of `pullModels`. */
export class PullReporter {
  #download: { readonly shown: Progress; readonly startedAt: number; bytes: number } | undefined;
  #present = 0;
  #brought = 0;

  /** Takes one step. */
  tell(progress: PullProgress): void {
    if (progress.step === "download") {
      const { model, receivedBytes, totalBytes } = progress;
      // Until the server has said how much there is, all that came is all there is.
      const total = totalBytes ?? receivedBytes;
      this.#download ??= {
        shown: startProgress({ label: `download for ${model}`, unit: "bytes", total }),
        startedAt: performance.now(),
        bytes: 0,
      };
      this.#download.bytes = receivedBytes;
      this.#download.shown.update(receivedBytes, total);
      return;
    }
    this.#endDownload(progress.model);
    if (progress.step === "prepare") note(`${progress.model}: preparing`);
    if (progress.step !== "ready") return;
    if (progress.present) {
      this.#present++;
    } else {
      this.#brought++;
      note(`${progress.model}: ready`);
    }
  }

  /** Ends what is shown, also after a failure. */
  stop(): void {
    this.#download?.shown.stop();
    this.#download = undefined;
  }

  #endDownload(model: string): void {
    if (this.#download === undefined) return;
    const { bytes, startedAt } = this.#download;
    this.stop();
    note(`${model}: ${bytesText(bytes)} brought in ${durationText((performance.now() - startedAt) / 1000)}`);
  }

  /** What came of it, in a line. */
  summary(): string {
    const there = this.#present === 0 ? "" : `, ${this.#present} ${this.#present === 1 ? "was" : "were"} there already`;
    return `${plural(this.#present + this.#brought, "model")} ready${there}`;
  }
}
