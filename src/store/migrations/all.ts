/** All migrations by name; they run in the order of their names. Imported rather than read from a folder: it is typed. */
import type { Migration } from "kysely/migration";
import * as deadLetters from "./0001-dead-letters.ts";
import * as tokens from "./0002-tokens.ts";
import * as events from "./0003-events.ts";
import * as jobs from "./0004-jobs.ts";
import * as deadLetterInputs from "./0005-dead-letter-inputs.ts";
import * as galleries from "./0006-galleries.ts";
import * as accountEvents from "./0007-account-events.ts";
import * as jobPlaces from "./0008-job-places.ts";

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-dead-letters": deadLetters,
  "0002-tokens": tokens,
  "0003-events": events,
  "0004-jobs": jobs,
  "0005-dead-letter-inputs": deadLetterInputs,
  "0006-galleries": galleries,
  "0007-account-events": accountEvents,
  "0008-job-places": jobPlaces,
};
