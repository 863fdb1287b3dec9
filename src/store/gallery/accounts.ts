/** Accounts: who owns descriptors, persons, lists and handlers. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { Account } from "./records.ts";

/** An account to make. */
export interface NewAccount {
  readonly organizationName: string;
  readonly email: string;
  /** As the hash function writes it (argon2id); the password itself never comes here. */
  readonly passwordHash: string;
  /** What its first token is called. */
  readonly tokenData: string;
}

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Accounts {
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  /** Makes an account with its first token; undefined when the e-mail is taken, whatever its letter case. */
  async create(_wish: NewAccount): Promise<{ readonly account: Account; readonly token: string } | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** The account of an e-mail address, compared without regard to letter case. */
  async byEmail(_email: string): Promise<(Account & { readonly passwordHash: string }) | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  async get(_id: string): Promise<Account | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** All, oldest first. */
  async list(): Promise<readonly Account[]> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Suspends or resumes; false for an unknown account. */
  async setSuspended(_id: string, _suspended: boolean): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Deletes an account with everything it owns; false for an unknown one. */
  async remove(_id: string): Promise<boolean> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
