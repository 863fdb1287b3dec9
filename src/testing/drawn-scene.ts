/** What test pictures show: a ground, drawn faces, a mark and a text. Nobody's face is in it. */
import { MARK_CELLS, markCells } from "../inference/scripted/mark.ts";
import type { ScriptedFace } from "../inference/scripted/script.ts";

/** What is drawn; everything has a default. */
export interface TestScene {
  /** Pixels; 640 x 480 when absent. */
  readonly width?: number;
  readonly height?: number;
  /** Any SVG colour. */
  readonly background?: string;
  /** Drawn heads in these boxes. The list can be given to a scripted detector as it is. */
  readonly faces?: readonly Pick<ScriptedFace, "box">[];
  /** A label by which scripted models know the picture again: see `scriptedByMark`. A strip along the upper edge. */
  readonly mark?: string;
  /** A line of text at the lower edge, for people who look at the picture. */
  readonly text?: string;
}

/** Fine strokes over the ground: a face that is scripted where none is drawn is not blurred, but as sharp as a drawn one. */
const WALLPAPER =
  '<defs><pattern id="wallpaper" width="12" height="12" patternUnits="userSpaceOnUse">' +
  '<path d="M0 3 L6 9" stroke="#fff" stroke-opacity="0.7" stroke-width="1.5"/>' +
  '<path d="M6 9 L12 3" stroke="#402010" stroke-opacity="0.6" stroke-width="1.5"/></pattern></defs>';

/** Size in pixels of what is drawn. */
export function sceneSize({ width = 640, height = 480 }: TestScene): {
  readonly width: number;
  readonly height: number;
} {
  return { width, height };
}

/** The scene as SVG. `letters` writes a line of text as path data. */
export function sceneSvg(
  scene: TestScene,
  letters: (text: string, x: number, y: number, size: number) => string,
): string {
  const { width, height } = sceneSize(scene);
  const { background = "#5f7d95", faces = [], mark, text } = scene;
  const shapes = [
    `<rect width="${width}" height="${height}" fill="${background}"/>`,
    WALLPAPER,
    `<rect width="${width}" height="${height}" fill="url(#wallpaper)"/>`,
    ...faces.map(drawnHead),
    ...(mark === undefined ? [] : [drawnMark(mark, width)]),
    ...(text === undefined
      ? []
      : [`<path d="${letters(text, 0.02 * width, 0.97 * height, 0.05 * height)}" fill="#fff"/>`]),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join("")}</svg>`;
}

/** A head that fills the box; fine lines give it the detail that quality measures look for. */
function drawnHead({ box }: Pick<ScriptedFace, "box">): string {
  const [x, y, width, height] = "x" in box ? [box.x, box.y, box.width, box.height] : box;
  const wrinkles = Array.from({ length: 12 }, (_, i) => {
    const at = 0.12 + 0.065 * i;
    return `<path d="M0.14 ${at} Q0.5 ${at - 0.03} 0.86 ${at}" stroke="${i % 2 ? "#8a5a3c" : "#f7d9bd"}"/>`;
  });
  return (
    `<g transform="translate(${x} ${y}) scale(${width} ${height})">` +
    '<ellipse cx="0.5" cy="0.5" rx="0.48" ry="0.5" fill="#d9a47a"/>' +
    '<path d="M0.04 0.36 A0.48 0.42 0 0 1 0.96 0.36 Q0.5 0.12 0.04 0.36" fill="#3a2a1e"/>' +
    `<g fill="none" stroke-width="0.012">${wrinkles.join("")}</g>` +
    '<g fill="#fff"><ellipse cx="0.3" cy="0.4" rx="0.1" ry="0.05"/><ellipse cx="0.7" cy="0.4" rx="0.1" ry="0.05"/></g>' +
    '<g fill="#1d1d1d"><circle cx="0.3" cy="0.4" r="0.045"/><circle cx="0.7" cy="0.4" r="0.045"/></g>' +
    '<path d="M0.5 0.42 L0.44 0.6 L0.56 0.6" fill="#a86b45"/>' +
    '<path d="M0.34 0.77 Q0.5 0.85 0.66 0.77 Q0.5 0.73 0.34 0.77" fill="#8f2f35"/>' +
    "</g>"
  );
}

function drawnMark(label: string, width: number): string {
  const cell = width / MARK_CELLS;
  const squares = markCells(label).map(
    (white, at) => `<rect x="${at * cell}" width="${cell}" height="${cell}" fill="${white ? "#fff" : "#000"}"/>`,
  );
  return `<g shape-rendering="crispEdges">${squares.join("")}</g>`;
}
