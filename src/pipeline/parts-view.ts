/** Shows the parts of an item that a stage read or wrote, for `explain`: plain JSON, long values cut short. */
import type { Face, Item } from "../stages/item.ts";
import { facePart } from "./face-parts.ts";

/** Numbers of a list that are shown; the rest is counted. */
const SHOWN = 5;

/** The named parts as they are now: `picture` once, face parts per face. */
export function partsOf(item: Item, faces: readonly Face[], parts: readonly string[]): Record<string, unknown> {
  const view: Record<string, unknown> = {};
  if (parts.includes("picture")) {
    const { width, height, format } = item.picture;
    view.picture = { width, height, format };
  }
  const faceParts = parts.filter((part) => part.startsWith("face."));
  if (faceParts.length > 0) view.faces = faces.map((face) => faceView(face, faceParts));
  return view;
}

function faceView(face: Face, parts: readonly string[]): Record<string, unknown> {
  const view: Record<string, unknown> = {};
  for (const part of parts) {
    const value = facePart(face, part);
    if (value !== undefined) view[part.slice("face.".length)] = shorten(value);
  }
  if (parts.includes("face.box")) view.score = shorten(face.score);
  if (face.rejected) view.rejected = face.rejected.reason;
  return view;
}

function shorten(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1e4) / 1e4;
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (value instanceof Float32Array || (Array.isArray(value) && value.length > SHOWN)) {
    const shown = Array.from(value.slice(0, SHOWN), shorten);
    return value.length > SHOWN ? [...shown, `… ${value.length - SHOWN} more`] : shown;
  }
  if (Array.isArray(value)) return value.map(shorten);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shorten(each)]));
  }
  return value;
}
