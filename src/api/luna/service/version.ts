/** What `/version` tells: one program is all of the services that clients ask for. */

/** Version of the interface that this dialect is. */
const API = 4;
/** Names that clients look for. */
const SERVICES = [
  "luna_api",
  "luna_remote_sdk",
  "luna_handlers",
  "luna_faces",
  "luna_events",
  "luna_backport3",
] as const;

/** `version`: of the program, such as `0.1.0`. */
export function versions(version: string): Readonly<Record<string, unknown>> {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/, 3).map((part) => Number.parseInt(part, 10) || 0);
  const services = SERVICES.map((name) => [name, { api: API, major, minor, patch }] as const);
  return { ...Object.fromEntries(services), "LUNA PLATFORM": { major, minor, patch } };
}
