/** Programs of the system that some groups run. */
import { findSystemTool, type SystemTool } from "../src/cli/system-packages.ts";

/** A tool's path. Throws with what to do when it is not there. */
export function requireTool(tool: SystemTool): string {
  const path = findSystemTool(tool);
  if (path !== undefined) return path;
  const name = typeof tool.command === "string" ? tool.command : tool.command[0];
  throw new Error(
    `${name} is missing: run apt-get install ${tool.package} as root, or choose other groups with --only`,
  );
}
