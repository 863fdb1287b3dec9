/** Durations, sizes and areas as people write them in settings and pipelines: `300ms`, `5s`, `32MiB`, `50MP`. */

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, kB: 1e3, KiB: 2 ** 10, MB: 1e6, MiB: 2 ** 20, GB: 1e9, GiB: 2 ** 30 } as const;
const PIXELS = { MP: 1e6 } as const;

const AMOUNT = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)([A-Za-z]+)$/;

/** Milliseconds of a text such as `300ms`, `5s`, `2m`, `1.5h` or `30d`; NaN where it is no duration. */
export function parseDuration(text: string): number {
  return parseAmount(text, MILLISECONDS);
}

/** Bytes of a text such as `512KiB`, `32MiB` or `20MB`; NaN where it is no size. */
export function parseSize(text: string): number {
  return parseAmount(text, BYTES);
}

/** Pixels of a text such as `50MP`; NaN where it is no area. */
export function parsePixels(text: string): number {
  return parseAmount(text, PIXELS);
}

/** The shortest exact text of milliseconds that {@link parseDuration} reads back. */
export function formatDuration(ms: number): string {
  return formatAmount(ms, MILLISECONDS);
}

/** The shortest exact text of bytes that {@link parseSize} reads back. */
export function formatSize(bytes: number): string {
  return formatAmount(bytes, BYTES);
}

/** The text of a pixel count that {@link parsePixels} reads back. */
export function formatPixels(pixels: number): string {
  return `${pixels / PIXELS.MP}MP`;
}

function parseAmount(text: string, units: Readonly<Record<string, number>>): number {
  const [, digits, unit] = AMOUNT.exec(text) ?? [];
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? Number.NaN : Math.round(Number(digits) * factor);
}

/** Of equally short texts the one in the larger unit; the unit is exact, so nothing is rounded away. */
function formatAmount(amount: number, units: Readonly<Record<string, number>>): string {
  const exact = Object.entries(units).filter(([, factor]) => amount % factor === 0 && amount >= factor);
  const texts = exact.map(([unit, factor]) => `${amount / factor}${unit}`);
  return texts.reduce((best, text) => (text.length <= best.length ? text : best), `${amount}${Object.keys(units)[0]}`);
}
