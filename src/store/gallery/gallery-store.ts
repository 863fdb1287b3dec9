/** The repositories of accounts and their galleries, over one database. */
import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { AccountTokens } from "./account-tokens.ts";
import { Accounts } from "./accounts.ts";
import { GalleryChanges } from "./changes.ts";
import { Descriptors } from "./descriptors.ts";
import { Handlers } from "./handlers.ts";
import { Links } from "./links.ts";
import { Lists } from "./lists.ts";
import { Pages } from "./pages.ts";
import { Persons } from "./persons.ts";
import { Reextractions } from "./reextraction.ts";
import { GalleryWrites } from "./writes.ts";

/** See the file's head. */
export interface GalleryStore {
  readonly accounts: Accounts;
  readonly accountTokens: AccountTokens;
  readonly descriptors: Descriptors;
  readonly persons: Persons;
  readonly lists: Lists;
  readonly links: Links;
  readonly handlers: Handlers;
  readonly changes: GalleryChanges;
  readonly reextractions: Reextractions;
}

/** `now`: epoch milliseconds. `reads`: where searches read what was committed, so that they wait for no transaction. */
export function galleryStore(db: Kysely<Schema>, now: () => number, reads = db): GalleryStore {
  const writes = new GalleryWrites(db, now);
  const pages = new Pages(db);
  return {
    accounts: new Accounts(db, writes, now),
    accountTokens: new AccountTokens(db, pages, now),
    descriptors: new Descriptors(db, writes, pages),
    persons: new Persons(db, writes, pages, now),
    lists: new Lists(db, writes, pages, now),
    links: new Links(writes),
    handlers: new Handlers(db, now),
    changes: new GalleryChanges(db, writes, reads),
    reextractions: new Reextractions(db, writes, now),
  };
}
