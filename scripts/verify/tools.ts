/** Programs that the tests run beside bun. */
import { FFMPEG, type SystemTool } from "../../src/cli/system-packages.ts";

/** The browser that the tests of pages drive. */
export const CHROMIUM: SystemTool = {
  command: ["chromium", "chromium-browser", "google-chrome"],
  package: "chromium",
  purpose: "tests of pages",
};

/** The broker that the tests of the bus between processes start. */
export const NATS_SERVER: SystemTool = {
  command: "nats-server",
  package: "nats-server",
  purpose: "tests of the bus between processes",
};

/**
 * The database of more than one server; tests make clusters of their own, at ports of their own. Whether its package also
 * makes and starts one as a service is Debian's affair: nothing here uses it.
 */
export const POSTGRES: SystemTool = {
  command: "postgres",
  package: "postgresql",
  purpose: "tests of the store on PostgreSQL",
  folders: "/usr/lib/postgresql/*/bin",
};

/** What administrators look at databases with. */
export const SQLITE: SystemTool = { command: "sqlite3", package: "sqlite3", purpose: "tests of SQLite beside others" };

/** Shows the order of what a process writes and flushes. */
export const STRACE: SystemTool = { command: "strace", package: "strace", purpose: "tests of what is on the disk" };

/** All of them. */
export const TEST_TOOLS: readonly SystemTool[] = [CHROMIUM, NATS_SERVER, POSTGRES, SQLITE, STRACE, FFMPEG];
