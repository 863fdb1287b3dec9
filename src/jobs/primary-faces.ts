/**
 * The primary faces of a job's items, as they are kept until the job is done: its aggregate is over all of them, also
 * those from before a restart. Numbers and descriptors come back exactly as they were.
 */

import { Packr } from "msgpackr";
import { nextTurn } from "../bus/turn.ts";
import type { Engine, PrimaryFace } from "../pipeline/results.ts";
import type { JobContent } from "../store/job-content.ts";

/** Typed arrays are kept as such. */
const packr = new Packr({ structuredClone: true, useRecords: false });

/** Parts that are large; a job keeps one only when it is aggregated. */
const LARGE_PARTS = ["landmarks", "descriptor", "crops"] as const;
/** Parts that built-in stages aggregate under the part's own name. What others aggregate may need any part. */
const OWN_NAMED: ReadonlySet<string> = new Set([
  "attributes",
  "descriptor",
  "emotion",
  "eyes",
  "liveness",
  "pose",
  "quality",
]);
/** Faces that are read and unpacked before others get their turn on the thread. */
const FACES_AT_ONCE = 500;

/** Packs the primary face of an item for the aggregate with these keys; undefined where nothing is aggregated. */
export function packPrimaryFace(face: PrimaryFace | undefined, keys: readonly string[]): Uint8Array | undefined {
  if (!face || keys.length === 0) return undefined;
  const dropped = keys.every((key) => OWN_NAMED.has(key)) ? LARGE_PARTS.filter((part) => !keys.includes(part)) : [];
  const kept = Object.entries(face).filter(([part]) => !(dropped as readonly string[]).includes(part));
  return packr.pack(Object.fromEntries(kept));
}

/** The face as it was packed, without the parts that were left out. */
export function unpackPrimaryFace(packed: Uint8Array): PrimaryFace {
  return packr.unpack(packed) as PrimaryFace;
}

/** The aggregate of a job over everything that was kept of it. Rejects with `pipeline_unknown`. */
export async function aggregateJob(
  engine: Pick<Engine, "aggregate">,
  content: JobContent,
  job: { readonly id: string; readonly pipeline: string },
): Promise<ReturnType<Engine["aggregate"]>> {
  const faces: PrimaryFace[] = [];
  for (let after = -1; ; ) {
    const rows = await content.faces(job.id, after, FACES_AT_ONCE);
    for (const { face } of rows) faces.push(unpackPrimaryFace(face));
    const last = rows.at(-1);
    if (!last || rows.length < FACES_AT_ONCE) break;
    after = last.position;
    await nextTurn();
  }
  return engine.aggregate(job.pipeline, faces);
}
