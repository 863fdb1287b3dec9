/** Structured logs: one JSON object a line. A logger is handed down; there is no global one. */
import pino, { type DestinationStream } from "pino";
import { hideSecretText, SECRET_PATHS } from "./secrets.ts";

/** Levels from the least to the most important; `silent` writes nothing. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** Facts of a line, as JSON. An `error` is written with its code, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>> & { readonly error?: unknown };

/** Writes lines. Never throws and never waits. */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines all carry these fields, such as `{ request: id }`. */
  child(fields: LogFields): Logger;
}

/** A logger with its end. */
export interface LogOutput {
  readonly logger: Logger;
  /** Writes what is left, at most for two seconds, and ends; what is logged later is dropped. Never rejects. */
  close(): Promise<void>;
}

/** Bytes of lines that wait for a slow reader of the log; what comes on top is dropped rather than kept in memory. */
const MOST_WAITING = 8 * 1024 * 1024;
/** Milliseconds a slow reader of the log may hold up the end of the process. */
const CLOSE_TIMEOUT = 2_000;

/**
 * Logs to a stream, standard error by default. Writing does not block: a reader that is slow costs lines, not requests.
 * Secrets are hidden twice: by the names of keys, and by their form in whatever text is written.
 */
export function createLogs(options: { readonly level: LogLevel; readonly fd?: number }): LogOutput {
  const output = pino.destination({ fd: options.fd ?? 2, sync: false, maxLength: MOST_WAITING });
  let open = true;
  const ended = new Promise<void>((resolve) => output.once("close", resolve));
  // A closed standard error must not end the server.
  output.on("error", () => {});
  return {
    logger: createLogger(options.level, {
      write(line) {
        if (open) output.write(line);
      },
    }),
    async close() {
      open = false;
      output.end();
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT).unref());
      await Promise.race([ended, late]);
    },
  };
}

/** A logger over any stream of lines. */
export function createLogger(level: LogLevel, stream: DestinationStream): Logger {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
      errorKey: "error",
      serializers: { error: pino.stdSerializers.errWithCause },
      redact: { paths: [...SECRET_PATHS], censor: "(hidden)" },
    },
    { write: (line) => stream.write(hideSecretText(line)) },
  );
  return wrap(logger);
}

function wrap(logger: pino.Logger): Logger {
  const at = (level: "trace" | "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) =>
    logger[level](fields ?? {}, message);
  return {
    trace: at("trace"),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => wrap(logger.child(fields)),
  };
}
