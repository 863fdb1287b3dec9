/** Reading the detections of an UltraFace network: scores and corner boxes per prior, thinned by NMS. */
import type { Affine, Box } from "../../media/picture.ts";
import type { ModelCard, OutputRule } from "../card.ts";
import { toPicture } from "../crop.ts";
import type { Detection } from "../model.ts";

type UltrafaceRule = Extract<OutputRule, { decode: "ultraface" }>;

/**
 * Detections of one picture in picture pixels, best first, after non-maximum suppression. `scores` holds background and
 * face probability per prior, `boxes` x0 y0 x1 y1 in 0..1 of the network's input. Boxes are not cut at the edges.
 */
export function decodeUltraface(
  scores: Float32Array,
  boxes: Float32Array,
  rule: Pick<UltrafaceRule, "threshold" | "nms_iou">,
  map: Affine,
  input: ModelCard["input"],
): Detection[] {
  const candidates: Detection[] = [];
  for (let prior = 0; prior < scores.length / 2; prior++) {
    const score = scores[2 * prior + 1]!;
    if (score <= rule.threshold) continue;
    const [left, top] = toPicture(map, input, boxes[4 * prior]!, boxes[4 * prior + 1]!);
    const [right, bottom] = toPicture(map, input, boxes[4 * prior + 2]!, boxes[4 * prior + 3]!);
    if (!(right > left && bottom > top)) continue;
    candidates.push({ box: { x: left, y: top, width: right - left, height: bottom - top }, score });
  }
  return suppress(candidates, rule.nms_iou);
}

/** Keeps the best of every group of boxes that overlap by more than `iou`; the result is sorted, best first. */
export function suppress(candidates: readonly Detection[], iou: number): Detection[] {
  const kept: Detection[] = [];
  for (const candidate of [...candidates].sort((a, b) => b.score - a.score)) {
    if (!kept.some(({ box }) => overlap(box, candidate.box) > iou)) kept.push(candidate);
  }
  return kept;
}

/** Intersection over union, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (a.width * a.height + b.width * b.height - both);
}
