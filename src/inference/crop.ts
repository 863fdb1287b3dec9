/** The crop rules of cards: from a subject to the map that samples the network's input out of the picture. */
import { FacewireError } from "../errors.ts";
import type { Affine, Box, Picture, Point, WarpTarget } from "../media/picture.ts";
import type { CropRule, ModelCard } from "./card.ts";
import type { Subject } from "./model.ts";
import { similarityToPicture } from "./similarity-transform.ts";

type Size = Pick<Picture, "width" | "height">;

/**
 * The map from pixel centres of the network's input to pixel centres of the picture. Boxes are measured from pixel
 * edges (0 is the picture's left edge), so a side of n input pixels samples at (i + 0.5) / n of the crop's side.
 */
export function cropMap(card: Pick<ModelCard, "name" | "crop" | "input">, picture: Size, subject: Subject): Affine {
  const { crop, input } = card;
  if (crop.rule === "align") return similarityToPicture(fivePoints(card.name, subject), crop.template);
  const box = cropBox(card, picture, subject);
  if (crop.rule === "letterbox") {
    const scale = Math.max(picture.width / input.width, picture.height / input.height);
    return [scale, 0, 0.5 * scale - 0.5, 0, scale, 0.5 * scale - 0.5];
  }
  const scaleX = box.width / input.width;
  const scaleY = box.height / input.height;
  return [scaleX, 0, box.x + 0.5 * scaleX - 0.5, 0, scaleY, box.y + 0.5 * scaleY - 0.5];
}

/** The part of the picture the rule shows the network, as an upright box in pixels; may reach past the edges. */
export function cropBox(card: Pick<ModelCard, "name" | "crop" | "input">, picture: Size, subject: Subject): Box {
  const { crop, input } = card;
  switch (crop.rule) {
    case "letterbox":
      return { x: 0, y: 0, width: picture.width, height: picture.height };
    case "square":
      return squareAround(subject.box, crop.scale * subject.box.height, crop.shift_y * subject.box.height);
    case "inner-square": {
      const side = Math.min(crop.scale * subject.box.height, picture.width, picture.height);
      const { x, y } = squareAround(subject.box, side, 0);
      return {
        x: clamp(x, 0, picture.width - side),
        y: clamp(y, 0, picture.height - side),
        width: side,
        height: side,
      };
    }
    case "align": {
      const map = similarityToPicture(fivePoints(card.name, subject), crop.template);
      return boundsOf(map, input.width, input.height);
    }
  }
}

/** What a crop's rule shows outside the picture. */
export function cropBorder(crop: CropRule): WarpTarget["border"] {
  switch (crop.rule) {
    case "letterbox":
      return { value: crop.pad };
    case "inner-square":
      return "edge";
    default:
      return crop.border;
  }
}

/** A point given in 0..1 of the network's input, in pixels of the picture. */
export function toPicture(
  map: Affine,
  input: Pick<ModelCard["input"], "width" | "height">,
  u: number,
  v: number,
): Point {
  const x = u * input.width - 0.5;
  const y = v * input.height - 0.5;
  return [map[0] * x + map[1] * y + map[2] + 0.5, map[3] * x + map[4] * y + map[5] + 0.5];
}

function squareAround(box: Box, side: number, down: number): Box {
  const x = box.x + box.width / 2 - side / 2;
  const y = box.y + box.height / 2 + down - side / 2;
  return { x, y, width: side, height: side };
}

/** The upright box in pixels of the picture that holds all that a map from `width` x `height` pixels samples. */
export function boundsOf(map: Affine, width: number, height: number): Box {
  const corners = [0, 1].flatMap((v) => [0, 1].map((u) => toPicture(map, { width, height }, u, v)));
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function fivePoints(model: string, { five }: Subject): readonly Point[] {
  if (five?.length === 5) return five;
  throw new FacewireError("stage_failed", `Model ${model} aligns faces by five points, and the face has none.`);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
