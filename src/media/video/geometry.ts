/** How stored frames become upright ones with square pixels that are not too large. */

/** How frames are turned, as seen from the file: the filters that do it, and the size of what comes out. */
export interface Orientation {
  /** Degrees turned clockwise. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** ffmpeg's filters for it, mirroring included. */
  readonly filters: readonly string[];
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels that are said to be stretched more than this are taken for square: the file does not mean it. */
const MOST_STRETCH = 8;
/** Fixed-point unit of a display matrix. */
const UNIT = 65536;

/**
 * What a display matrix (ISO 14496-12, 8.2.2) asks for. Angles that are no quarter turns are left alone. `matrix` is
 * ffprobe's text of it: three lines of an address and three numbers.
 */
export function orientationOf(matrix: string | undefined): Orientation {
  const rows = (matrix ?? "").split("\n").flatMap((line) => (line.includes(":") ? [line.split(":")[1]!] : []));
  const [[a, b] = [], [c, d] = []] = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const numbers = [a, b, c, d];
  if (!numbers.every((value): value is number => value !== undefined && Number.isFinite(value))) return UPRIGHT;
  // Degenerate or nearly so: nothing to go by.
  const [columnA, columnB] = [Math.hypot(a!, c!), Math.hypot(b!, d!)];
  if (columnA < UNIT / 256 || columnB < UNIT / 256) return UPRIGHT;
  const degrees = (Math.atan2(b! / columnB, a! / columnA) * 180) / Math.PI;
  const quarters = Math.round(degrees / 90);
  if (Math.abs(degrees - quarters * 90) > 1) return UPRIGHT;
  switch ((quarters + 4) % 4) {
    case 1:
      return { rotation: 90, filters: [c! > 0 ? "transpose=cclock_flip" : "transpose=clock"] };
    case 2:
      return { rotation: 180, filters: [...(a! < 0 ? ["hflip"] : []), ...(d! < 0 ? ["vflip"] : [])] };
    case 3:
      return { rotation: 270, filters: [c! < 0 ? "transpose=clock_flip" : "transpose=cclock"] };
    default:
      return { rotation: 0, filters: d! < 0 ? ["vflip"] : [] };
  }
}

const UPRIGHT: Orientation = { rotation: 0, filters: [] };

/** The size with square pixels; `aspect` is a pixel's width by its height. The smaller side grows, so that nothing is lost. */
export function squarePixels({ width, height }: Size, aspect: number | undefined): Size {
  if (!aspect || !(aspect <= MOST_STRETCH && aspect >= 1 / MOST_STRETCH)) return { width, height };
  if (aspect >= 1) return { width: Math.round(width * aspect), height };
  return { width, height: Math.round(height / aspect) };
}

/** The size scaled down so that its longest side is at most `maxSide`, with even sides; unchanged when it fits. */
export function fitted({ width, height }: Size, maxSide: number): Size {
  const factor = maxSide / Math.max(width, height);
  if (factor >= 1) return { width, height };
  const even = (side: number): number => Math.max(2, 2 * Math.round((side * factor) / 2));
  return { width: even(width), height: even(height) };
}

/** The size after a turn. */
export function turned({ width, height }: Size, rotation: Orientation["rotation"]): Size {
  return rotation % 180 === 0 ? { width, height } : { width: height, height: width };
}
