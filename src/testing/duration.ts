/** Lengths of time as test authors write them. */
import { FacewireError } from "../errors.ts";
import { parseDuration } from "../settings/units.ts";

/** Milliseconds of a number of them, or of a text such as `300ms`, `5s` or `2h`. Throws `config_invalid` for other texts. */
export function millisecondsOf(duration: number | string): number {
  const ms = typeof duration === "number" ? duration : parseDuration(duration);
  if (ms >= 0) return ms;
  throw new FacewireError("config_invalid", `${JSON.stringify(duration)} is no duration such as 300ms, 5s or 2h.`);
}
