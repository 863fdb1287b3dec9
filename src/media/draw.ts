/** Drawn results: a picture with a box, landmarks and lines of text for every face. */
import sharp from "sharp";
import { DEFAULT_JPEG_QUALITY } from "./encode.ts";
import { CAPITAL_HEIGHT, fitText, textPath, textWidth } from "./glyphs.ts";
import { LabelLayout } from "./label-layout.ts";
import type { Box, Picture, Point } from "./picture.ts";

/** What was found of a face, as far as a colour says it. */
export type AnnotationTone = "live" | "spoof" | "unknown" | "neutral" | "rejected";

/** What is drawn for one face; coordinates are pixels of the upright picture. */
export interface Annotation {
  readonly box: Box;
  readonly landmarks?: readonly Point[];
  /** Lines of a label, top to bottom; any text is safe. Lines that do not fit the picture are cut. */
  readonly lines: readonly string[];
  readonly tone: AnnotationTone;
}

export interface DrawOptions {
  /** Longest side of the drawn picture; only ever scales down. */
  readonly maxSide?: number;
  /** JPEG quality 1..100. */
  readonly quality?: number;
}

/** Colours of tones: apart for the colour-blind too (green and red differ in lightness), and white or black text on them. */
const COLORS: Readonly<Record<AnnotationTone, { readonly line: string; readonly text: string }>> = {
  live: { line: "#2fd573", text: "#04210f" },
  spoof: { line: "#d81e2c", text: "#ffffff" },
  unknown: { line: "#ffb020", text: "#2b1a00" },
  neutral: { line: "#3f8cff", text: "#ffffff" },
  rejected: { line: "#9aa0a6", text: "#1b1d1f" },
};

/** Sizes in shares of the drawn picture's longer side, with the least that can still be seen or read. */
const STROKE = { share: 1 / 400, least: 1.5 };
const TEXT = { share: 1 / 60, least: 11 };
const DOT = { share: 1 / 600, least: 1.2 };
/** A label is at most this share of the picture's width. */
const LABEL_SHARE = 0.6;
const LINE_HEIGHT = 1.25;
/** Beyond this nothing of a text can be read in a picture; it bounds the work of hostile names. */
const MAX_LINES = 8;
const MAX_LETTERS = 200;
/** More faces than anybody can tell apart in one picture; bounds the drawing. */
const MAX_ANNOTATIONS = 500;

interface Scene {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly stroke: number;
  readonly text: number;
  readonly dot: number;
}

/** Draws annotations over a picture; returns a JPEG. Later annotations lie over earlier ones. */
export async function drawAnnotations(
  picture: Picture,
  annotations: readonly Annotation[],
  options: DrawOptions = {},
): Promise<Uint8Array> {
  const scene = sceneOf(picture, options.maxSide);
  const { width, height } = scene;
  const pixels = picture.rgb({ x: 0, y: 0, width: picture.width, height: picture.height }, width, height);
  const drawn = annotations.slice(0, MAX_ANNOTATIONS).map((one) => ({ ...one, box: scaledBox(one.box, scene.scale) }));
  const boxes = drawn.map((one) => one.box);
  const layout = new LabelLayout(width, height, boxes);
  // All labels lie over all boxes: a neighbour's box must not strike a text through.
  const faces = drawn.map((one) => drawFace(one, scene));
  const labels = drawn.map((one) => drawLabel(one, scene, layout));
  const shapes = [...faces, ...labels].join("");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes}</svg>`;
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
    .jpeg({ quality: options.quality ?? DEFAULT_JPEG_QUALITY, chromaSubsampling: "4:4:4" })
    .toBuffer();
  return new Uint8Array(jpeg);
}

function scaledBox({ x, y, width, height }: Box, scale: number): Box {
  return { x: x * scale, y: y * scale, width: width * scale, height: height * scale };
}

function sceneOf(picture: Picture, maxSide = Number.POSITIVE_INFINITY): Scene {
  const longest = Math.max(picture.width, picture.height);
  const scale = Math.min(1, maxSide / longest);
  const size = ({ share, least }: { share: number; least: number }): number => Math.max(least, longest * scale * share);
  return {
    width: Math.max(1, Math.round(picture.width * scale)),
    height: Math.max(1, Math.round(picture.height * scale)),
    scale,
    stroke: size(STROKE),
    text: size(TEXT),
    dot: size(DOT),
  };
}

/** Box and landmarks. Both have a dark rim: they must show on light and dark grounds. */
function drawFace({ box, landmarks = [], tone }: Annotation, { scale, stroke, dot }: Scene): string {
  const { line } = COLORS[tone];
  const shape = `${rectangle(box)} rx="${px(stroke * 2)}" fill="none"`;
  const dots = landmarks
    .map(([x, y]) => `<circle cx="${px(x * scale)}" cy="${px(y * scale)}" r="${px(dot)}"/>`)
    .join("");
  return (
    `<rect ${shape} stroke="#000" stroke-opacity="0.45" stroke-width="${px(stroke * 1.9)}"/>` +
    `<rect ${shape} stroke="${line}" stroke-width="${px(stroke)}"/>` +
    `<g fill="${line}" stroke="#000" stroke-opacity="0.55" stroke-width="${px(dot * 0.6)}" paint-order="stroke">${dots}</g>`
  );
}

/** The lines of a face on a ground of its colour. */
function drawLabel({ box, lines, tone }: Annotation, scene: Scene, layout: LabelLayout): string {
  const { width, stroke, text } = scene;
  const padding = text * 0.35;
  const room = Math.min(Math.max(text * 2, width * LABEL_SHARE), width) - 2 * padding;
  const shown = lines.slice(0, MAX_LINES).map((line) => fitText(firstLetters(line), text, room));
  if (shown.length === 0) return "";
  const size = {
    width: Math.max(...shown.map((line) => textWidth(line, text))) + 2 * padding,
    height: text * (LINE_HEIGHT * (shown.length - 1) + CAPITAL_HEIGHT) + 2.4 * padding,
  };
  const label = layout.place(box, size, stroke);
  const { line: ground, text: ink } = COLORS[tone];
  const paths = shown.map((line, index) =>
    textPath(line, label.x + padding, label.y + 1.2 * padding + text * (CAPITAL_HEIGHT + LINE_HEIGHT * index), text),
  );
  return (
    `<rect ${rectangle(label)} rx="${px(padding * 0.6)}" fill="${ground}" fill-opacity="0.92"/>` +
    `<path d="${paths.join("")}" fill="${ink}"/>`
  );
}

function firstLetters(line: string): string {
  return Array.from(line.slice(0, 2 * MAX_LETTERS))
    .slice(0, MAX_LETTERS)
    .join("");
}

function rectangle({ x, y, width, height }: Box): string {
  return `x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}"`;
}

/** Coordinates to a tenth of a pixel; what is not a number is drawn nowhere. */
function px(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : "-9999";
}
