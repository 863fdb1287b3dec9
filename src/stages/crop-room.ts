/** Whether a picture has room for the crop a model wishes: one definition for the quality and the liveness stage. */
import type { Model, Subject } from "../inference/model.ts";
import type { Box, Picture } from "../media/picture.ts";

type Size = Pick<Picture, "width" | "height">;

/**
 * Share 0..1 of the side of an `inner-square` crop (side `scale` x box height, shrunk to fit the picture, then shifted
 * inside it) that is left after shrinking: `min(1, min(picture width, picture height) / (scale x box height))`.
 */
export function innerSquareRoom(picture: Size, box: Box, scale: number): number {
  const side = scale * box.height;
  return side <= 0 ? 1 : Math.min(1, Math.min(picture.width, picture.height) / side);
}

/**
 * Share 0..1 of the side of the crop a model's card wishes that shows picture. Equals {@link innerSquareRoom} for rule
 * `inner-square`; for crops that may reach past the edges it is the smaller of the shares of width and height inside.
 */
export function modelCropRoom(picture: Size, model: Model, subject: Subject): number {
  const rule = model.card.crop;
  if (rule.rule === "inner-square") return innerSquareRoom(picture, subject.box, rule.scale);
  const crop = model.cropBox(picture, subject);
  const width = Math.min(crop.x + crop.width, picture.width) - Math.max(crop.x, 0);
  const height = Math.min(crop.y + crop.height, picture.height) - Math.max(crop.y, 0);
  if (crop.width <= 0 || crop.height <= 0) return 1;
  return Math.max(0, Math.min(1, width / crop.width, height / crop.height));
}
