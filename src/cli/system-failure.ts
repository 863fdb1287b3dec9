/** Failures of the system (a file that may not be read, a full disk) as a command line tells them: by their place. */
import { FacewireError } from "../errors.ts";

/** System calls whose failure says that something could not be read; of the others, that it could not be written. */
const READING: ReadonlySet<string> = new Set([
  "open",
  "read",
  "scandir",
  "stat",
  "lstat",
  "realpath",
  "readlink",
  "access",
]);
const WRITING: ReadonlySet<string> = new Set([
  "write",
  "mkdir",
  "rename",
  "unlink",
  "rmdir",
  "fsync",
  "ftruncate",
  "copyfile",
]);
/** Reasons that only concern writing, whatever the call. */
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/** A coded error for what the system refused; undefined for anything else, such as a failure of the network. */
export function systemFailure(thrown: unknown): FacewireError | undefined {
  const { code, syscall } = (thrown ?? {}) as NodeJS.ErrnoException;
  const reason = systemReason(thrown);
  if (reason === undefined || code === undefined || syscall === undefined) return undefined;
  const writing = WRITING.has(syscall) || NO_ROOM.has(code);
  if (!writing && !READING.has(syscall)) return undefined;
  const verb = writing ? "written" : "read";
  return new FacewireError(writing ? "file_unwritable" : "file_unreadable", `A file or folder cannot be ${verb}.`, {
    cause: thrown,
  });
}

/** `/path/of/it: permission denied`, as far as the system said; undefined when it was not the system that failed. */
export function systemReason(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, path, message } = thrown as NodeJS.ErrnoException;
  // As in `EACCES: permission denied, open '/path'`.
  const words = code !== undefined && message.startsWith(`${code}: `) ? message.slice(code.length + 2) : undefined;
  if (words === undefined) return undefined;
  const reason = words.split(",", 1)[0] as string;
  return path === undefined ? reason : `${path}: ${reason}`;
}
