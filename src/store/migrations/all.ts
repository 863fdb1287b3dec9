/** All migrations by name; they run in the order of their names. Imported rather than read from a folder: it is typed. */
import type { Migration } from "kysely/migration";
import * as deadLetters from "./0001-dead-letters.ts";
import * as tokens from "./0002-tokens.ts";

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-dead-letters": deadLetters,
  "0002-tokens": tokens,
};
