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
import { Persons } from "./persons.ts";

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
}

/** `now`: epoch milliseconds. */
export function galleryStore(db: Kysely<Schema>, now: () => number): GalleryStore {
  return {
    accounts: new Accounts(db, now),
    accountTokens: new AccountTokens(db, now),
    descriptors: new Descriptors(db, now),
    persons: new Persons(db, now),
    lists: new Lists(db, now),
    links: new Links(db, now),
    handlers: new Handlers(db, now),
    changes: new GalleryChanges(db),
  };
}
