/** Extracts the descriptor of a stored picture. */
import { FacewireError } from "../errors.ts";
import { passesByItself } from "../pipeline/passing-failures.ts";
import type { Engine, FaceJson } from "../pipeline/results.ts";
import { descriptorValues } from "../stages/face-json.ts";
import type { Sample } from "../store/gallery/records.ts";
import type { ModelVersion } from "../store/gallery/reextraction.ts";

/** The pipelines of the pictures that are stored. */
const PIPELINES: Readonly<Record<Sample["kind"], string>> = { portrait: "luna-extract", warp: "luna-warp" };
/** Whoever waits for an answer goes first. */
const PRIORITY = 0;
/** What the picture is called in logs and dead letters. */
const PICTURE_NAME = "stored picture";

/**
 * The numbers of the largest face; without `values` when there is no face on the picture, or it cannot be read. Rejects for
 * what passes by itself or takes an operator: the same picture will do later.
 */
export async function extractAgain(
  engine: Pick<Engine, "run">,
  sample: Sample,
  target: ModelVersion,
  signal: AbortSignal,
): Promise<{ readonly values?: Float32Array }> {
  const { items } = await engine.run({
    id: crypto.randomUUID(),
    pipeline: PIPELINES[sample.kind],
    files: [{ name: PICTURE_NAME, bytes: sample.bytes }],
    parameters: { portrait: false },
    priority: PRIORITY,
    signal,
  });
  const item = items[0];
  if (!item) throw new FacewireError("internal", "The engine answered without a result.");
  if (item.error) {
    const error = FacewireError.fromPublic(item.error);
    // Behind busy requests the time of one that waits may run out.
    if (passesByItself(error.code) || error.code === "deadline_exceeded") throw error;
    return {};
  }
  const descriptor = item.faces
    .filter((face) => face.descriptor)
    .toSorted((a, b) => areaOf(b) - areaOf(a))[0]?.descriptor;
  if (!descriptor) return {};
  if (descriptor.model !== target.model || descriptor.version !== target.version) {
    const message = `The pipeline ${PIPELINES[sample.kind]} extracts with another model than descriptor-default.`;
    throw new FacewireError("model_unavailable", message);
  }
  return { values: descriptorValues(descriptor) };
}

function areaOf({ box }: FaceJson): number {
  return box.width * box.height;
}
