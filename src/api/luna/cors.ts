/** What lets pages of any origin use this API: they send credentials in headers of their own, never in cookies. */

/** On every answer. */
export const CORS_HEADERS = {
  "access-control-allow-origin": "*",
  // What a page may read beside the headers that any may.
  "access-control-expose-headers": "Luna-Request-Id, Retry-After, Allow",
  // Answers are meant to be read across origins.
  "cross-origin-resource-policy": "cross-origin",
} as const;

/** Seconds a browser may remember a preflight. */
const MAX_AGE = "86400";
/** `*` stands for all but Authorization, which has to be named. */
const ALLOWED_HEADERS = "Authorization, X-Auth-Token, Content-Type, Luna-Request-Id, Accept, Origin, *";
/** Their answers to OPTIONS are described without Allow. */
const WITHOUT_ALLOW: ReadonlySet<string> = new Set(["/4/ws", "/api/subscribe"]);

/** The answer to OPTIONS, preflight or not; no credentials are asked for. */
export function optionsAnswer(template: string, methods: readonly string[]): Response {
  const list = methods.join(", ");
  return new Response(null, {
    headers: {
      "content-type": "application/json",
      ...(WITHOUT_ALLOW.has(template) ? {} : { allow: list }),
      "access-control-allow-headers": ALLOWED_HEADERS,
      "access-control-allow-methods": list,
      "access-control-max-age": MAX_AGE,
    },
  });
}
