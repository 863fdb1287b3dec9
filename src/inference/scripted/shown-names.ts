/** Names of the pictures that a worker has open, for scripts that tell pictures apart by name: models only see pixels. */
import type { Picture } from "../../media/picture.ts";

const names = new WeakMap<Picture, string>();

/** Says what a picture is called, before any model is shown it. */
export function nameShown(picture: Picture, name: string): void {
  names.set(picture, name);
}

/** What it is called; empty when nobody said. */
export function nameOf(picture: Picture): string {
  return names.get(picture) ?? "";
}
