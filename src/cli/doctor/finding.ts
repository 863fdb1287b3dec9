/** What the doctor says of one part. */

/** `warn` is worth knowing, but nothing stands still because of it. */
export type Finding =
  | { readonly state: "ok"; readonly detail: string }
  | { readonly state: "warn" | "missing"; readonly detail: string; readonly mend: string };

/** One thing that is looked at. `look` must not throw for what it looks for; what it throws is told as missing. */
export interface Check {
  readonly name: string;
  look(): Promise<Finding>;
}

/** All is well. */
export function ok(detail: string): Finding {
  return { state: "ok", detail };
}

/** Something that stops the server from working, with the command (or change) that mends it. */
export function missing(detail: string, mend: string): Finding {
  return { state: "missing", detail, mend };
}

/** Something that makes it work less well. */
export function warn(detail: string, mend: string): Finding {
  return { state: "warn", detail, mend };
}
