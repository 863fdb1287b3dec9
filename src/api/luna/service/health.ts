/** The server's parts in the words of `/4/healthcheck`. */
import type { PartHealth } from "../../../pipeline/results.ts";

/** One part. */
interface Component {
  readonly component: string;
  readonly error: { readonly error_code: number; readonly desc: string; readonly detail: string };
  /** 1 works, 0 does not. */
  readonly status: 0 | 1;
}

/** How it all is. */
export interface HealthReport {
  readonly healthy: boolean;
  /** All components, also those that work. */
  readonly errors: readonly Component[];
}

type Parts = Readonly<Record<string, PartHealth>>;

/** The part that is told under another name, because everything here hangs on it. */
const STORE = "store";
const DATABASE = "database";
const SUCCESS = { error_code: 0, desc: "Success", detail: "Success" } as const;
const DATABASE_FAILED = {
  error_code: 10017,
  desc: "Database error",
  detail: "Database connection timeout error",
} as const;

/** The database alone. */
export function databaseReport(parts: Parts): HealthReport {
  return reportOf([[STORE, parts[STORE] ?? { status: "ok" }]]);
}

/** Every part. */
export function healthReport(parts: Parts): HealthReport {
  return reportOf(Object.entries(parts));
}

function reportOf(parts: readonly (readonly [string, PartHealth])[]): HealthReport {
  const errors = parts.map(([name, part]) => componentOf(name, part));
  return { healthy: errors.every(({ status }) => status === 1), errors };
}

function componentOf(name: string, { status, message }: PartHealth): Component {
  // Pictures still run without the database, so elsewhere it only degrades the server; nothing of this API does.
  if (name === STORE) {
    const works = status === "ok";
    return { component: DATABASE, error: works ? SUCCESS : DATABASE_FAILED, status: works ? 1 : 0 };
  }
  if (status !== "failed") return { component: name, error: SUCCESS, status: 1 };
  const error = { error_code: 1, desc: "Internal server error", detail: message ?? "out of order" };
  return { component: name, error, status: 0 };
}
