/** What a picture may cost before and while it is decoded. */

export interface PictureLimits {
  /** Largest file in bytes; more is refused with `picture_too_large`. */
  readonly maxBytes: number;
  /** Largest width x height as the file declares it, checked before anything is decoded; `picture_too_many_pixels`. */
  readonly maxPixels: number;
  /** Smallest width and height in pixels; less is refused with `picture_too_small`. */
  readonly minSide: number;
  /** How long decoding may take in milliseconds, rounded up to whole seconds; `picture_too_slow`. */
  readonly decodeTimeoutMs: number;
  /** A picture that ends early: refused with `picture_truncated`, or decoded as far as it goes (the rest is grey or black). */
  readonly truncated: "refuse" | "decode";
}
