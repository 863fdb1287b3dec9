/** How a video's pixels become 8-bit YUV 4:2:0 with known coefficients, untouched where they are that already. */
import type { Size } from "./geometry.ts";
import type { FramePixels } from "./video.ts";

/** What ffprobe says of a stream's pixels. */
export interface StoredColor {
  /** ffmpeg's name of the layout, such as `yuv420p10le`. */
  readonly pixelFormat: string;
  /** `tv`, `pc`, or undefined where the file does not say. */
  readonly range: string | undefined;
  /** ffmpeg's name of the coefficients, such as `bt709`. */
  readonly space: string | undefined;
}

/** What to ask ffmpeg's scale filter for, and what comes out. */
export interface ColorPlan extends Pick<FramePixels, "matrix" | "range"> {
  /** Options of `scale`, after its size. */
  readonly scale: string;
  /** Pixel format of the frames. */
  readonly format: "yuv420p" | "yuvj420p";
}

const SPACES: Readonly<Record<string, FramePixels["matrix"]>> = {
  bt709: "bt709",
  // Differs from BT.709 by less than a level.
  smpte240m: "bt709",
  bt470bg: "bt601",
  smpte170m: "bt601",
  fcc: "bt601",
};
/** From this size on a video that does not say is taken for BT.709, as players do. */
const HIGH_DEFINITION = { width: 1280, height: 577 };

/** Plans the conversion of a stream of frames of this stored size. */
export function planColor(color: StoredColor, size: Size): ColorPlan {
  const { pixelFormat, space } = color;
  const fullRange = pixelFormat.startsWith("yuvj") || color.range === "pc";
  if (!/^(yuva?j?\d|nv\d|p0\d|yuyv|uyvy|yvyu)/.test(pixelFormat)) {
    // RGB, palettes and grey have no coefficients of their own; they get the ones that are reported.
    const inRange = pixelFormat.startsWith("gray") && color.range !== "tv" ? "in_range=pc:" : "";
    return {
      matrix: "bt601",
      range: "limited",
      scale: `${inRange}out_range=tv:out_color_matrix=bt601`,
      format: "yuv420p",
    };
  }
  const range = fullRange ? "pc" : "tv";
  const wide = space?.startsWith("bt2020") ?? false;
  const matrix = wide ? "bt709" : (SPACES[space ?? ""] ?? guess(size));
  if (!wide && (pixelFormat === "yuv420p" || pixelFormat === "yuvj420p")) {
    // The same range in and out: the filter passes frames of the right size through.
    const kept = fullRange ? "full" : "limited";
    return { matrix, range: kept, scale: `in_range=${range}:out_range=${range}`, format: pixelFormat };
  }
  const from = wide ? "bt2020" : matrix;
  return {
    matrix,
    range: "limited",
    scale: `in_range=${range}:out_range=tv:in_color_matrix=${from}:out_color_matrix=${matrix}`,
    format: "yuv420p",
  };
}

function guess({ width, height }: Size): FramePixels["matrix"] {
  return width >= HIGH_DEFINITION.width || height >= HIGH_DEFINITION.height ? "bt709" : "bt601";
}
