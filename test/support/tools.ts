/** Programs that tests run beside bun. */
import { findSystemTool, type SystemTool } from "../../src/cli/system-packages.ts";

const found = new Map<string, boolean>();

/**
 * Whether a program is there, so that tests can say `test.skipIf(!hasTool(STRACE))`. Where it must be (`CI=true`) its absence
 * is an error; elsewhere it is told in one line, once.
 */
export function hasTool(tool: SystemTool): boolean {
  const known = found.get(tool.package);
  if (known !== undefined) return known;
  const isThere = findSystemTool(tool) !== undefined;
  found.set(tool.package, isThere);
  if (isThere) return true;
  const message = `${tool.package} is missing: apt-get install ${tool.package} as root, or bun run verify`;
  if (process.env.CI === "true") throw new Error(message);
  console.warn(`Skipped: ${tool.purpose}; ${message}`);
  return false;
}
