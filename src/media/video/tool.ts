/**
 * Runs ffmpeg and ffprobe through fluent-ffmpeg so that nothing of them is ever left behind: the kernel ends them with the
 * thread that started them, {@link ToolRun.kill} ends them at once, and what they write is kept within bounds.
 *
 * What fluent-ffmpeg is not taken at its word for:
 * - `setFfmpegPath` is a setting of the module, not of a command. It is set once, to a launcher whose own arguments stand
 *   first and name the tool to run, so that different commands can use different tools.
 * - It asks ffmpeg for its formats and encoders before the first run. What is asked for here is known to be there.
 * - Its `ffprobe()` cannot be stopped and keeps all output, so ffprobe runs as a command as well.
 * - A kill comes back as its `error` event.
 * - It throws where nobody can catch it when no process could be started at all, so that failure is taken before it hears.
 */
import { type ChildProcess, execFile } from "node:child_process";
import createCommand, { type FfmpegCommand, type Formats } from "fluent-ffmpeg";

/** What is to be run. */
export interface ToolOptions {
  /** The tool: a command or a path. */
  readonly command: string;
  /** What stands before the input, and the input itself as a URL. */
  readonly input?: { readonly url: string; readonly options: readonly string[] };
  readonly filters?: readonly string[];
  readonly output: { readonly url: string; readonly options: readonly string[] };
  /** Working directory. */
  readonly folder?: string;
}

/** How a run ended. */
export interface ToolEnd {
  /** What went wrong: an exit code, a signal, no such tool. Undefined when it ended well. */
  readonly failure: Error | undefined;
  /** Exit code; undefined when it was ended by a signal or could not be run. */
  readonly code: number | undefined;
  /** At most {@link MOST_LINES} last lines of each. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A tool that runs. */
export interface ToolRun {
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<ToolEnd>;
  /** Ends the process with SIGKILL, also one that has yet to start: SIGTERM does not reach one whose output nobody reads. */
  kill(): void;
}

/** What fluent-ffmpeg's callbacks are given; their types know errors only. */
const NO_ERROR = null as unknown as Error;
/** The shell's codes for a command that is not there or cannot be run. */
const NOT_RUNNABLE = [126, 127];
/** Lines of output that are kept; ffmpeg writes lines of at most about a kilobyte. */
const MOST_LINES = 4000;
/** How much of a tool's messages an error keeps for the logs, in characters. */
const MOST_MESSAGE = 4096;
/** Ends the tool with its parent, and does not start it when the parent went before that was set: its id is the first word. */
const WITH_PARENT = 'test "$PPID" = "$1" || exit 1; shift; exec "$@"';

/** Starts a tool. */
export async function startTool(options: ToolOptions): Promise<ToolRun> {
  const launcher = await findLauncher();
  const run = createCommand({
    stdoutLines: MOST_LINES,
    ...(options.folder === undefined ? {} : { cwd: options.folder }),
  });
  run.setFfmpegPath(launcher.command);
  const first = [...launcher.options, options.command];
  if (options.input) run.input(options.input.url).inputOptions(...first, ...options.input.options);
  else run.outputOptions(...first);
  run.availableFormats = (callback) => callback(NO_ERROR, formatsIn(options));
  run.availableEncoders = (callback) => callback(NO_ERROR, {});
  if (options.filters?.length) run.videoFilters([...options.filters]);
  run.output(options.output.url).outputOptions(...options.output.options);

  let killed = false;
  let started = false;
  const ended = new Promise<ToolEnd>((resolve) => {
    run.on("start", () => {
      started = true;
      onNotStarted(run, (failure) => resolve({ failure, code: undefined, stdout: "", stderr: "" }));
      if (killed) run.kill("SIGKILL");
    });
    run.on("end", (stdout, stderr) =>
      resolve({ failure: undefined, code: 0, stdout: stdout ?? "", stderr: stderr ?? "" }),
    );
    run.on("error", (failure: Error, stdout?: string | null, stderr?: string | null) => {
      const code = /exited with code (\d+)/.exec(failure.message)?.[1];
      resolve({
        failure,
        code: code === undefined ? undefined : Number(code),
        stdout: stdout ?? "",
        stderr: stderr ?? "",
      });
    });
  });
  run.run();
  return {
    ended,
    kill() {
      killed = true;
      if (started) run.kill("SIGKILL");
    },
  };
}

/** Whether a run ended because there is no such tool, or it cannot be run. */
export function wasNotRunnable(end: ToolEnd): boolean {
  return end.failure !== undefined && (end.code === undefined ? !isSignal(end) : NOT_RUNNABLE.includes(end.code));
}

/** What a run said last, as the cause of an error: for logs only. */
export function causeOf(end: ToolEnd): Error | undefined {
  if (!end.failure) return undefined;
  return new Error(`${end.failure.message.split("\n", 1)[0]}\n${end.stderr.slice(-MOST_MESSAGE)}`);
}

/** Tells why a process could not be started: no launcher, no folder to work in, too many processes. */
function onNotStarted(run: FfmpegCommand, listener: (failure: Error) => void): void {
  const { ffmpegProc } = run as FfmpegCommand & { readonly ffmpegProc?: ChildProcess };
  ffmpegProc?.removeAllListeners("error").once("error", listener);
}

/** The formats a run names, as known ones. */
function formatsIn({ input, output }: ToolOptions): Formats {
  const words = [...(input?.options ?? []), ...output.options];
  const names = words.filter((_, index) => words[index - 1] === "-f");
  return Object.fromEntries(names.map((name) => [name, { description: name, canDemux: true, canMux: true }]));
}

function isSignal({ failure }: ToolEnd): boolean {
  return /killed with signal/.test(failure?.message ?? "");
}

/** A command that runs the rest of its arguments, with its own first ones. */
interface Launcher {
  readonly command: string;
  readonly options: readonly string[];
}

let launcher: Promise<Launcher> | undefined;

/** `setpriv` of util-linux where it is there; without it only a broken pipe ends a tool whose parent is gone. */
function findLauncher(): Promise<Launcher> {
  launcher ??= new Promise((resolve) => {
    execFile("setpriv", ["--pdeathsig", "KILL", "--", "true"], (missing) => {
      const tied = ["--pdeathsig", "KILL", "--", "sh", "-c", WITH_PARENT, "sh", String(process.pid)];
      // By its path: what PATH leads to may be ffmpeg alone, or nothing where settings name a path of it.
      resolve(missing ? { command: "/usr/bin/env", options: [] } : { command: "setpriv", options: tied });
    });
  });
  return launcher;
}
