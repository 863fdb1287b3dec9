/** How a failed command tells what went wrong: one readable line, the problems below it, never a stack unless asked. */
import { ERROR_CODES, FacewireError, type PublicError } from "../errors.ts";
import { type Problem, problemText } from "../yaml/problem.ts";
import { systemFailure, systemReason } from "./system-failure.ts";

/** What commands end with. */
export const EXIT = {
  ok: 0,
  /** The command ran, and something it was asked for failed. */
  failed: 1,
  /** The command's words are wrong; nothing was done. */
  usage: 2,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** Of what the codes' table says to do, commands are worth a line here; the rest is written for clients of the API. */
const NAMES_COMMAND = /\bfacewire [a-z]/;

/** The lines that tell an error to a person: `error <code>: message`, one line a problem, the command that mends it. */
export function errorLines(thrown: unknown, verbose: boolean): string[] {
  const error = reasonOf(systemFailure(thrown) ?? FacewireError.from(thrown, "internal", messageOf(thrown)));
  const problems = problemsOf(error);
  const message = problems.length > 0 ? counted(problems) : withPlace(error);
  const lines = [`error ${error.code}: ${message}`, ...problems.map((problem) => `  ${problemText(problem)}`)];
  const { mend } = ERROR_CODES[error.code];
  if (NAMES_COMMAND.test(mend) && error.code !== "usage") lines.push(`  mend: ${mend}`);
  if (verbose) lines.push(...stackLines(error));
  return lines;
}

/** Why a pipeline cannot run says more than that it cannot; so does what mends it. */
function reasonOf(error: FacewireError): FacewireError {
  const reason = error.details?.reason as PublicError | undefined;
  return error.code === "pipeline_unavailable" && reason?.code !== undefined ? FacewireError.fromPublic(reason) : error;
}

/** The exit code an error ends a command with. */
export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof FacewireError && thrown.code === "usage" ? EXIT.usage : EXIT.failed;
}

/**
 * The message with the file or folder at fault: errors name none, because they may go to clients; on a command line it is
 * the user's own.
 */
function withPlace({ message, cause }: FacewireError): string {
  const reason = systemReason(cause);
  return reason === undefined || message.includes(reason) ? message : `${message.replace(/\.$/, "")}: ${reason}`;
}

function counted(problems: readonly Problem[]): string {
  const files = [...new Set(problems.map((problem) => problem.file))].join(", ");
  return `${problems.length === 1 ? "1 problem" : `${problems.length} problems`} in ${files}`;
}

function problemsOf(error: FacewireError): readonly Problem[] {
  const problems = error.details?.problems;
  return Array.isArray(problems) ? (problems as Problem[]) : [];
}

/** On a command line the message of an unexpected failure is the user's own business, unlike over the network. */
function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return `${text.split("\n")[0]} (--verbose shows where)`;
}

function stackLines(error: unknown): string[] {
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    lines.push(...(at.stack ?? String(at)).split("\n"));
  }
  return lines;
}
