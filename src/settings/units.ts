/** Durations and sizes as people write them in settings and pipelines: `300ms`, `5s`, `2m`, `32MiB`. */

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** What a duration looks like, for schemas. */
export const DURATION_PATTERN = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$";
/** What a size looks like, for schemas. */
export const SIZE_PATTERN = "^[0-9]+(\\.[0-9]+)?(B|kB|MB|GB|KiB|MiB|GiB)$";

/** Milliseconds of a duration; NaN where the text is not one. */
export function parseDuration(text: string): number {
  return parseQuantity(text, MILLISECONDS);
}

/** Whole bytes of a size; NaN where the text is not one. */
export function parseSize(text: string): number {
  return Math.round(parseQuantity(text, BYTES));
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number {
  const match = /^(?<amount>[0-9]+(?:\.[0-9]+)?)(?<unit>[A-Za-z]+)$/.exec(text.trim());
  const unit = match?.groups?.unit ?? "";
  return Object.hasOwn(units, unit) ? Number(match?.groups?.amount) * (units[unit] ?? Number.NaN) : Number.NaN;
}
