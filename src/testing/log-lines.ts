/** What a test server logged, for tests and for people who wonder why one failed. */
import { createLogger, type Logger, type LogLevel } from "../observe/logs.ts";

/** A line, parsed. Further fields are those it was logged with. */
export interface LogLine {
  readonly level: LogLevel;
  readonly time: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** See the file's head. */
export class LogLines {
  readonly logger: Logger;
  readonly #lines: string[] = [];

  constructor(level: LogLevel) {
    this.logger = createLogger(level, { write: (line: string) => void this.#lines.push(line) });
  }

  /** All lines so far, the oldest first. */
  all(): readonly LogLine[] {
    return this.#lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** Those with these fields, such as `{ level: "warn" }`. */
  where(fields: Readonly<Record<string, unknown>>): readonly LogLine[] {
    return this.all().filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
  }

  /** All lines as they were written. */
  text(): string {
    return this.#lines.join("");
  }
}
