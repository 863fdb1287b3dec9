/** What the figures were measured on and with. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { NATS_SERVER } from "../scripts/verify/tools.ts";
import { FFMPEG, findSystemTool, type SystemTool } from "../src/cli/system-packages.ts";
import { projectRoot } from "./setup.ts";

/** A machine, as far as it explains speed. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Vector extensions that inference uses. */
  readonly vectors: readonly string[];
  readonly memoryGiB: number;
  readonly system: string;
}

/** Extensions worth naming, in the order they appeared. */
const VECTORS = ["avx", "avx2", "avx512f", "avx512_vnni", "asimd", "sve"];
/** Packages whose version explains speed. */
const PACKAGES = ["onnxruntime-node", "sharp", "elysia"];
/** Programs whose version explains speed, how they are asked for it, and where it stands in the answer. */
const TOOLS: readonly (readonly [tool: SystemTool, name: string, option: string, version: RegExp])[] = [
  [FFMPEG, "ffmpeg", "-version", /version (\S+)/],
  [NATS_SERVER, "nats-server", "--version", /v(\d\S*)/],
];

const run = promisify(execFile);

/** This machine. */
export async function describeMachine(): Promise<Machine> {
  const info = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(" "));
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    vectors: VECTORS.filter((name) => flags.has(name)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
  };
}

/** Versions of the runtime, and of the packages and programs that do the work; a program that is not there is left out. */
export async function describeVersions(): Promise<Record<string, string>> {
  const versions: Record<string, string> = { bun: Bun.version };
  for (const name of PACKAGES) {
    const file = join(projectRoot, "node_modules", name, "package.json");
    versions[name] = (JSON.parse(await readFile(file, "utf8")) as { version: string }).version;
  }
  for (const [tool, name, option, pattern] of TOOLS) {
    const path = findSystemTool(tool);
    if (path === undefined) continue;
    const { stdout } = await run(path, [option]);
    versions[name] = pattern.exec(stdout)?.[1] ?? "unknown";
  }
  return versions;
}

/** The git revision, with a mark when the working tree differs from it; null outside a repository. */
export async function describeRevision(): Promise<string | null> {
  try {
    const { stdout } = await run("git", ["describe", "--always", "--dirty", "--abbrev=12"], { cwd: projectRoot });
    return stdout.trim();
  } catch {
    return null;
  }
}
