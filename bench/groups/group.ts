/** A group of rows: measured together, chosen by name on the command line. */
import type { SystemTool } from "../../src/cli/system-packages.ts";
import type { BenchRow } from "../result.ts";
import type { Setup } from "../setup.ts";

/** What a group is given. */
export interface GroupContext {
  readonly setup: Setup;
  /** Inference workers, and processes of the peer: one a core. */
  readonly cores: number;
  /** Fewer rounds: enough to see that it works, too few to quote. */
  readonly quick: boolean;
  /** Says what is being done. */
  progress(text: string): void;
}

/** A row before it knows its group. */
export type GroupRow = Omit<BenchRow, "group">;

/** See the file's head. */
export interface BenchGroup {
  readonly name: string;
  /** A line for `--list`. */
  readonly about: string;
  /** Measured only when asked for by name. */
  readonly optional?: boolean;
  /** Programs of the system that it runs. */
  readonly needs?: readonly SystemTool[];
  measure(context: GroupContext): Promise<readonly GroupRow[]>;
}
