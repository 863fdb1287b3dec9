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

/** All of them. */
export const TEST_TOOLS: readonly SystemTool[] = [CHROMIUM, NATS_SERVER, FFMPEG];
