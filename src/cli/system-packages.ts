/**
 * Programs of the system that Facewire runs beside itself: found, or installed from Debian's packages where that may be done.
 *
 * Nothing is imported from packages: the check of a fresh clone uses this before any is installed.
 */
import { note } from "./output.ts";

/** A program, and the Debian package that has it. */
export interface SystemTool {
  /** Its name; several when any of them will do. */
  readonly command: string | readonly string[];
  /** Name of the Debian package. */
  readonly package: string;
  /** What it is needed for, to follow "for": `videos`. */
  readonly purpose: string;
  /** Folders its package puts it in beside those of the search path, as a pattern. */
  readonly folders?: string;
}

/** A tool that is not there and could not be installed. */
export interface MissingTool extends SystemTool {
  /** What is missing and what to do about it, in one line. */
  readonly message: string;
}

/** How tools are ensured. */
export interface EnsureOptions {
  /** Told what is being installed and why it failed, a line at a time; standard error by default. */
  readonly tell?: (line: string) => void;
  /** Whether packages may be installed; by default as root on a system with apt-get. */
  readonly mayInstall?: boolean;
}

/** What plays and records video: `ffmpeg` and `ffprobe`. */
export const FFMPEG: SystemTool = { command: "ffmpeg", package: "ffmpeg", purpose: "videos" };

/** Debian puts servers here, and leaves it out of the search path of everyone but root. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * Never asks; waits for another installation that is under way (seconds); gives an archive that does not answer up soon
 * instead of holding the start of a server back for minutes.
 */
const APT_OPTIONS = [
  "-qq",
  "-o=DPkg::Lock::Timeout=120",
  "-o=Acquire::Retries=1",
  "-o=Acquire::http::Timeout=20",
  "-o=Acquire::https::Timeout=20",
];

/** Path of the first command of a tool that is installed. */
export function findSystemTool(tool: Pick<SystemTool, "command" | "folders">): string | undefined {
  const folders = [process.env.PATH ?? "", ...SYSTEM_FOLDERS, ...matching(tool.folders)].join(":");
  for (const command of typeof tool.command === "string" ? [tool.command] : tool.command) {
    const path = Bun.which(command, { PATH: folders });
    if (path !== null) return path;
  }
  return undefined;
}

/** Folders of a pattern, the newest version first. */
function matching(pattern: string | undefined): readonly string[] {
  if (pattern === undefined) return [];
  try {
    const found = [...new Bun.Glob(pattern).scanSync({ cwd: "/", absolute: true, onlyFiles: false })];
    return found.sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  } catch {
    // Not even the folder above them is there.
    return [];
  }
}

/** Whether packages may be installed here: as root, on a system with apt-get. */
function mayInstallPackages(): boolean {
  return process.getuid?.() === 0 && Bun.which("apt-get") !== null;
}

/**
 * Makes sure of tools: those that are missing are installed together where that may be done. Never asks, never throws.
 * Resolves with those that are missing still, in the order they were named.
 */
export async function ensureSystemTools(
  tools: readonly SystemTool[],
  options: EnsureOptions = {},
): Promise<readonly MissingTool[]> {
  const { tell = note, mayInstall = mayInstallPackages() } = options;
  const absent = tools.filter((tool) => findSystemTool(tool) === undefined);
  if (absent.length === 0) return [];
  if (mayInstall) await install(absent, tell);
  return absent.filter((tool) => findSystemTool(tool) === undefined).map(missing);
}

function missing(tool: SystemTool): MissingTool {
  const command = typeof tool.command === "string" ? tool.command : tool.command[0];
  const message = `${command} is missing, which ${tool.purpose} need: run apt-get install ${tool.package} as root`;
  return { ...tool, message };
}

async function install(tools: readonly SystemTool[], tell: (line: string) => void): Promise<void> {
  const packages = [...new Set(tools.map((tool) => tool.package))];
  const purposes = [...new Set(tools.map((tool) => tool.purpose))];
  tell(`Installing Debian's ${packages.join(", ")} for ${purposes.join(", ")}`);
  const command = ["install", "-y", "--no-install-recommends", ...packages];
  if ((await apt(command)) === undefined) return;
  // A fresh image has no package lists, or ones older than the archive.
  const failure = (await apt(["update"])) ?? (await apt(command));
  if (failure !== undefined) tell(`apt-get failed: ${failure}`);
}

/** Runs apt-get; resolves with the last line it said when it failed. */
async function apt(words: readonly string[]): Promise<string | undefined> {
  const child = Bun.spawn(["apt-get", ...APT_OPTIONS, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  const [said, complained, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return undefined;
  return `${said}\n${complained}`.trim().split("\n").at(-1) || `exit ${code}`;
}
