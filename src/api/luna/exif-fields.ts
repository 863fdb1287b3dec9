/** EXIF fields of a picture under the dialect's names. */

/** What the reader says instead of the numbers 1 to 8, in their order. */
const ORIENTATIONS = [
  "Horizontal (normal)",
  "Mirror horizontal",
  "Rotate 180",
  "Mirror vertical",
  "Mirror horizontal and rotate 270 CW",
  "Rotate 90 CW",
  "Mirror horizontal and rotate 90 CW",
  "Rotate 270 CW",
];

/** `latitude` and `longitude`: decimal degrees, north and east positive, such as `59.938732`. */
export interface LunaExif {
  readonly make?: string;
  readonly model?: string;
  readonly software?: string;
  readonly artist?: string;
  readonly flash?: string;
  /** 1 to 8, as the file has it; boxes and portraits are of the upright picture. */
  readonly orientation?: number;
  readonly gps?: { readonly latitude: string; readonly longitude: string };
}

/** Those of the fields that the dialect shows; an empty object when there are none. */
export function lunaExif(fields: Readonly<Record<string, unknown>> | undefined): LunaExif {
  const { Make, Model, Software, Artist, Flash, Orientation, latitude, longitude } = fields ?? {};
  const orientation = orientationNumber(Orientation);
  const gps = degrees(latitude) && degrees(longitude);
  return {
    ...text("make", Make),
    ...text("model", Model),
    ...text("software", Software),
    ...text("artist", Artist),
    ...text("flash", Flash),
    ...(orientation === undefined ? {} : { orientation }),
    ...(gps && { gps: { latitude: degrees(latitude)!, longitude: degrees(longitude)! } }),
  };
}

function text(name: "make" | "model" | "software" | "artist" | "flash", value: unknown): LunaExif {
  return typeof value === "string" || typeof value === "number" ? { [name]: String(value) } : {};
}

function orientationNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined;
  const index = ORIENTATIONS.indexOf(String(value));
  return index < 0 ? undefined : index + 1;
}

function degrees(value: unknown): string | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value.toFixed(6) : undefined;
}
