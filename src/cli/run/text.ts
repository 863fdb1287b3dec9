/** Results for people: a line a picture, a line a face, and with `--explain` a line a stage. */
import type {
  AggregateValue,
  AttributeJson,
  FaceJson,
  ItemResult,
  StageTrace,
  VideoRunResult,
} from "../../pipeline/results.ts";
import { millisText, plural } from "../units.ts";

/** The lines of one picture or frame, with line ends. */
export function itemText(item: ItemResult): string {
  const at = item.frame ? ` frame ${item.frame.number} at ${item.frame.time_s.toFixed(3)} s` : "";
  const lines = [`${shownName(item.name)}${at}  ${verdict(item)}`];
  for (const [index, face] of item.faces.entries()) lines.push(`  ${index + 1}  ${faceText(face)}`);
  for (const trace of item.explain ?? []) lines.push(...traceLines(trace));
  return `${lines.join("\n")}\n`;
}

/** The lines a video ends with: what it is, what was seen of it, and the aggregate over its frames. */
export function videoText({ video, aggregate }: VideoRunResult): string {
  const { name, codec, width, height, frames_decoded, frames_analysed, ended, best_frame } = video;
  const frames = `${frames_analysed} of ${plural(frames_decoded, "frame")} analysed`;
  const best = best_frame ? `, best frame ${best_frame.number} at ${best_frame.time_s.toFixed(3)} s` : "";
  const tail = ended === "damaged" ? ", its end is damaged" : "";
  const values = Object.keys(aggregate).length === 0 ? "" : aggregateText(aggregate, "frame");
  return `${shownName(name)}  ${codec} ${width}x${height}, ${frames}${tail}${best}\n${values}`;
}

/** A file's name may be chosen by somebody else: what would drive the terminal, or begin a line, is shown and not done. */
function shownName(name: string): string {
  return name.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** One line that says what is known of a face. */
function faceText(face: FaceJson): string {
  const { box, pose, eyes, quality, liveness, descriptor } = face;
  const facts = [
    `${round(box.width)}x${round(box.height)} at ${round(box.x)},${round(box.y)}`,
    `score ${face.score.toFixed(2)}`,
  ];
  if (face.rejected) facts.push(`rejected by ${face.rejected.stage}: ${face.rejected.message}`);
  if (liveness) {
    facts.push(`${liveness.prediction} ${liveness.probability.toFixed(2)} (${liveness.calibration})`);
  }
  if (quality) facts.push(`quality ${quality.overall.toFixed(2)}`);
  if (pose) facts.push(`yaw ${round(pose.yaw)}°, pitch ${round(pose.pitch)}°, roll ${round(pose.roll)}°`);
  if (eyes) facts.push(`eyes ${eyes.left.state}/${eyes.right.state}`);
  for (const [name, value] of Object.entries(face.attributes ?? {})) facts.push(attributeText(name, value));
  if (face.emotion) facts.push(attributeText("emotion", face.emotion));
  if (descriptor) facts.push(`descriptor of ${descriptor.length} values (${descriptor.model})`);
  const crops = Object.keys(face.crops ?? {});
  if (crops.length > 0) facts.push(`crops ${crops.join(", ")}`);
  for (const [name, value] of Object.entries(face.extra ?? {})) facts.push(`${name} ${JSON.stringify(value)}`);
  return facts.join(", ");
}

/** Lines of the aggregate, with line ends. */
export function aggregateText(
  aggregate: Readonly<Record<string, AggregateValue | null>>,
  noun: "picture" | "frame" = "picture",
): string {
  const lines = Object.entries(aggregate).map(([key, value]) =>
    value === null
      ? `${key}: no ${noun} had it`
      : `${key} (${value.method} of ${plural(value.pictures, noun)}): ${shortJson(value.value)}`,
  );
  return lines.length === 0 ? "The pipeline aggregates nothing.\n" : `${lines.join("\n")}\n`;
}

function verdict(item: ItemResult): string {
  switch (item.status) {
    case "failed":
      return `error ${item.error?.code ?? "internal"}: ${item.error?.message ?? "unknown"}`;
    case "no_face":
      return "no face";
    case "rejected":
      return `${plural(item.faces.length, "face")}, all rejected`;
    case "ok":
      return plural(item.faces.length, "face");
  }
}

function traceLines(trace: StageTrace): string[] {
  const waited = trace.waited_ms >= 0.1 ? `, of which ${millisText(trace.waited_ms)} waiting` : "";
  const faces = trace.ran ? `${trace.faces_in} -> ${plural(trace.faces_out, "face")}` : "did not run";
  return [
    `     ${trace.stage}: ${faces}, ${millisText(trace.elapsed_ms)}${waited}`,
    ...trace.reasons.map((reason) => `       ${reason}`),
  ];
}

function attributeText(name: string, value: AttributeJson): string {
  if ("value" in value) return `${name} ${round(value.value)}`;
  const probability = value.probabilities[value.label];
  return `${name} ${value.label}${probability === undefined ? "" : ` ${probability.toFixed(2)}`}`;
}

function round(value: number): string {
  return String(Math.round(value));
}

/** JSON with numbers cut to what is worth reading and long texts (descriptors) shortened. */
function shortJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === "number") return Number(part.toFixed(4));
    if (typeof part === "string" && part.length > 80) return `${part.slice(0, 40)}… (${part.length} characters)`;
    return part;
  });
}
