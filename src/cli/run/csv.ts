/**
 * Results as CSV: a heading, then one row a face (or one for a picture without faces), columns by the pipeline's parts. The
 * frames of a video end with a row of status `video` that has its aggregate in the columns of the parts.
 */
import type { ModelCard } from "../../inference/card.ts";
import type { AttributeJson, FaceJson, ItemResult, VideoRunResult } from "../../pipeline/results.ts";

/** A value in a cell: numbers are written as they are, text is quoted where it must be. */
export type Cell = string | number | undefined;

/** A face, or the aggregate over the frames of a video, which has no place and no score. */
export type FaceLike = Partial<FaceJson>;

/** A column and what it shows of a face. */
export interface FaceColumn {
  readonly name: string;
  readonly value: (face: FaceLike) => Cell;
}

const FIVE_POINTS = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"] as const;
const QUALITY = ["overall", "sharpness", "darkness", "light", "saturation", "eye_distance", "crop_room"] as const;

/**
 * Columns of the faces, from the parts the pipeline's stages write and the cards of its models (which name the
 * attributes). Crops are pictures and have no column; 68 landmarks are left to JSON, the five points are here.
 */
export function faceColumns(parts: readonly string[], cards: readonly ModelCard[]): FaceColumn[] {
  const columns: FaceColumn[] = [
    { name: "box_x", value: (face) => face.box?.x },
    { name: "box_y", value: (face) => face.box?.y },
    { name: "box_width", value: (face) => face.box?.width },
    { name: "box_height", value: (face) => face.box?.height },
    { name: "score", value: (face) => face.score },
    { name: "rejected", value: (face) => face.rejected && `${face.rejected.stage}: ${face.rejected.reason}` },
  ];
  for (const part of new Set(parts)) columns.push(...partColumns(part, cards));
  return columns;
}

function partColumns(part: string, cards: readonly ModelCard[]): FaceColumn[] {
  switch (part) {
    case "face.landmarks":
      return FIVE_POINTS.flatMap((point, index) => [
        { name: `${point}_x`, value: (face: FaceLike) => face.landmarks?.five[index]?.[0] },
        { name: `${point}_y`, value: (face: FaceLike) => face.landmarks?.five[index]?.[1] },
      ]);
    case "face.frame":
      return (["x", "y", "width", "height"] as const).map((key) => ({
        name: `frame_${key}`,
        value: (face) => face.frame?.[key],
      }));
    case "face.pose":
      return (["yaw", "pitch", "roll"] as const).map((angle) => ({ name: angle, value: (face) => face.pose?.[angle] }));
    case "face.eyes":
      return (["left", "right"] as const).flatMap((side) => [
        { name: `${side}_eye`, value: (face: FaceLike) => face.eyes?.[side].state },
        { name: `${side}_eye_closed`, value: (face: FaceLike) => face.eyes?.[side].closed_probability },
      ]);
    case "face.quality":
      return QUALITY.map((measure) => ({
        name: measure === "overall" ? "quality" : `quality_${measure}`,
        value: (face) => face.quality?.[measure],
      }));
    case "face.liveness":
      return [
        { name: "liveness", value: (face) => face.liveness?.prediction },
        { name: "liveness_probability", value: (face) => face.liveness?.probability },
        { name: "liveness_score", value: (face) => face.liveness?.score },
        { name: "liveness_raw", value: (face) => face.liveness?.raw },
        { name: "liveness_calibration", value: (face) => face.liveness?.calibration },
      ];
    case "face.attributes":
      return cards
        .filter((card) => card.task === "attributes")
        .flatMap((card) => Object.entries(card.outputs))
        .flatMap(([name, rule]) => attributeColumns(name, rule.decode, (face) => face.attributes?.[name]));
    case "face.emotion":
      return attributeColumns("emotion", "softmax", (face) => face.emotion);
    case "face.descriptor":
      return [
        { name: "descriptor_model", value: (face) => face.descriptor?.model },
        { name: "descriptor", value: (face) => face.descriptor?.data },
      ];
    default:
      if (!part.startsWith("face.extra.")) return [];
      return [
        {
          name: part.slice("face.extra.".length),
          value: (face) => json(face.extra?.[part.slice("face.extra.".length)]),
        },
      ];
  }
}

function attributeColumns(
  name: string,
  decode: string,
  attribute: (face: FaceLike) => AttributeJson | undefined,
): FaceColumn[] {
  const labelled = decode === "softmax" || decode === "binary";
  const columns: FaceColumn[] = [
    {
      name,
      value: (face) => {
        const found = attribute(face);
        return found === undefined ? undefined : "label" in found ? found.label : found.value;
      },
    },
  ];
  if (labelled) {
    columns.push({
      name: `${name}_probability`,
      value: (face) => {
        const found = attribute(face);
        return found !== undefined && "label" in found ? found.probabilities[found.label] : undefined;
      },
    });
  }
  return columns;
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** The heading line, with its line end. `frames`: with the columns that tell the frames of a video apart. */
export function csvHeading(columns: readonly FaceColumn[], frames = false): string {
  const place = frames ? ["frame", "time_s"] : [];
  return csvLine(["file", "status", "error", "message", ...place, "face", ...columns.map((column) => column.name)]);
}

/** The rows of one picture or frame, with line ends. Faces are numbered from 1 in the order of the answer. */
export function csvRows(columns: readonly FaceColumn[], item: ItemResult, frames = false): string {
  const place = frames ? [item.frame?.number, item.frame?.time_s] : [];
  const picture = [item.name, item.status, item.error?.code, item.error?.message, ...place];
  if (item.faces.length === 0) return csvLine([...picture, undefined, ...columns.map(() => undefined)]);
  return item.faces
    .map((face, index) => csvLine([...picture, index + 1, ...columns.map((column) => column.value(face))]))
    .join("");
}

/** The row that a video ends with. */
export function csvVideoRow(columns: readonly FaceColumn[], { video, aggregate }: VideoRunResult): string {
  const over = Object.fromEntries(Object.entries(aggregate).map(([part, value]) => [part, value?.value]));
  const cells = columns.map((column) => column.value(over as FaceLike));
  return csvLine([video.name, "video", undefined, undefined, undefined, undefined, undefined, ...cells]);
}

/** One line after RFC 4180, ended by CR LF as it asks. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(",")}\r\n`;
}

function cellText(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  // Spreadsheets run text that begins like a formula; a file name may be chosen by somebody else.
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
