/** Handlers: an account's rules, one set a type. */
import type { Kysely } from "kysely";
import { FacewireError } from "../../errors.ts";
import type { Schema } from "../schema.ts";
import type { HandlerRecord } from "./records.ts";

/** Plain JSON. */
export type Policies = Readonly<Record<string, unknown>>;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Handlers {
  constructor(_db: Kysely<Schema>, _now: () => number = Date.now) {}

  /** The account's handler of a type; made anew with the defaults where there is none. */
  async ensure(_account: string, _type: string, _defaults: () => Policies | Promise<Policies>): Promise<HandlerRecord> {
    throw new FacewireError("internal", "Not built yet.");
  }

  /** Changes some policies; the handler afterwards, or undefined where there is none. */
  async change(_account: string, _type: string, _policies: Policies): Promise<HandlerRecord | undefined> {
    throw new FacewireError("internal", "Not built yet.");
  }
}
