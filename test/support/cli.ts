/** Runs the real command line as a child process. */
import { join, resolve } from "node:path";

/** Folder of the project. */
export const PROJECT_ROOT = resolve(import.meta.dir, "../..");
/** Three to six faces each; comes with a development dependency. */
export const SAMPLE_PICTURES = join(PROJECT_ROOT, "node_modules/@vladmandic/face-api/demo");

/** How a command ended and what it wrote. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a command runs. */
export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts a command; of the surroundings' own settings only the place of the prepared models is passed on. */
export function spawnFacewire(words: readonly string[], options: CliOptions = {}) {
  const surroundings = Object.entries(process.env).filter(([name]) => !/^FACEWIRE_(?!MODELS_CACHE$)/.test(name));
  return Bun.spawn([process.execPath, join(PROJECT_ROOT, "src/cli/main.ts"), ...words], {
    cwd: options.cwd ?? PROJECT_ROOT,
    // Several run at once; those that are about it say where it listens.
    env: { ...Object.fromEntries(surroundings), FACEWIRE_LISTEN_LUNA: "off", ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs a command to its end. */
export async function facewire(words: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawnFacewire(words, options);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}
