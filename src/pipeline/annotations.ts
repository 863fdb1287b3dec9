/** What is written beside each face on a drawn picture: the verdict first, then what else is known. */
import type { Annotation, AnnotationTone } from "../media/draw.ts";
import type { Attribute, Face } from "../stages/item.ts";

/** One annotation a face, in the order of the faces. */
export function annotationsOf(faces: readonly Face[]): Annotation[] {
  return faces.map((face) => ({
    box: face.box,
    ...(face.landmarks ? { landmarks: face.landmarks.points } : {}),
    lines: linesOf(face),
    tone: toneOf(face),
  }));
}

function toneOf(face: Face): AnnotationTone {
  if (face.rejected) return "rejected";
  return face.liveness?.prediction ?? "neutral";
}

function linesOf(face: Face): string[] {
  const { rejected, liveness, quality, attributes, emotion, eyes } = face;
  const lines: string[] = [];
  if (rejected) lines.push(`rejected: ${rejected.reason}`);
  if (liveness) lines.push(`${liveness.prediction} ${liveness.probability.toFixed(2)}`);
  if (attributes) {
    lines.push(
      Object.entries(attributes)
        .map(([name, value]) => attributeText(name, value))
        .join(", "),
    );
  }
  if (emotion) lines.push(emotion.label);
  if (eyes && (eyes.left.state === "closed" || eyes.right.state === "closed")) lines.push("eyes closed");
  if (quality) lines.push(`quality ${quality.overall.toFixed(2)}`);
  if (lines.length === 0) lines.push(`face ${face.score.toFixed(2)}`);
  return lines;
}

function attributeText(name: string, attribute: Attribute): string {
  return "label" in attribute ? attribute.label : `${name} ${Math.round(attribute.value)}`;
}
