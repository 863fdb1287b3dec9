/** Access tokens: who may use the server from beyond this machine. */
import { createHash, randomBytes } from "node:crypto";
import { type Kysely, type Selectable, sql } from "kysely";
import { monotonicFactory } from "ulid";
import type { Schema, TokensTable } from "./schema.ts";

/** Roles from the weakest to the strongest; each may do what the ones before it may. */
export const TOKEN_ROLES = ["read", "run", "admin"] as const;
/**
 * `read`: see pipelines, models, health, metrics and dead letters. `run`: also run pipelines. `admin`: everything, such as
 * the pictures of dead letters.
 */
export type TokenRole = (typeof TOKEN_ROLES)[number];

/** Whether a token of role `held` may do what needs role `needed`. */
export function roleCovers(held: TokenRole, needed: TokenRole): boolean {
  return TOKEN_ROLES.indexOf(held) >= TOKEN_ROLES.indexOf(needed);
}

/** A token without its secret, which is stored nowhere. Times are epoch milliseconds. */
export interface TokenRecord {
  readonly id: string;
  /** What people call it; need not be unique. */
  readonly name: string;
  readonly role: TokenRole;
  readonly createdAt: number;
  /** To within a minute. */
  readonly lastUsedAt: number | undefined;
  readonly revokedAt: number | undefined;
}

const SECRET_PREFIX = "fw_";
/** 32 random bytes in base64url. */
const SECRET = /^fw_[A-Za-z0-9_-]{43}$/;
/** Milliseconds between two writes of a token's last use: a busy client must not cost a write a request. */
const LAST_USED_STEP = 60_000;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Tokens {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;
  readonly #nextId = monotonicFactory();
  /** When the last use of each token was last written, or tried to be: a locked database is not tried at each request. */
  readonly #touched = new Map<string, number>();

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, now: () => number = Date.now) {
    this.#db = db;
    this.#now = now;
  }

  /** Makes a token. Its secret is in the answer and nowhere else: it cannot be shown again. */
  async create(wish: {
    readonly role: TokenRole;
    readonly name: string;
  }): Promise<TokenRecord & { readonly secret: string }> {
    const secret = SECRET_PREFIX + randomBytes(32).toString("base64url");
    const row = {
      id: this.#nextId(),
      name: wish.name,
      role: wish.role,
      hash: hashOf(secret),
      created_at: new Date(this.#now()).toISOString(),
      last_used_at: null,
      revoked_at: null,
    };
    await this.#db.insertInto("tokens").values(row).execute();
    return { ...recordOf(row), secret };
  }

  /**
   * The token of a secret, or undefined when it is unknown or revoked. The secret is only ever compared by its hash,
   * so that the time taken tells nothing about stored secrets; no salt or slow hash is needed for 256 random bits.
   */
  async verify(secret: string): Promise<TokenRecord | undefined> {
    if (!SECRET.test(secret)) return undefined;
    const row = await this.#db
      .selectFrom("tokens")
      .selectAll()
      .where("hash", "=", hashOf(secret))
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    if (!row) return undefined;
    const record = recordOf(row);
    const now = this.#now();
    const touched = Math.max(record.lastUsedAt ?? 0, this.#touched.get(record.id) ?? 0);
    if (now - touched < LAST_USED_STEP) return record;
    this.#touched.set(record.id, now);
    // A full disk must not keep anybody out.
    await this.#touch(record.id, now).catch(() => undefined);
    return { ...record, lastUsedAt: now };
  }

  /** All tokens, also revoked ones, oldest first. */
  async list(): Promise<readonly TokenRecord[]> {
    const rows = await this.#db.selectFrom("tokens").selectAll().orderBy("id").execute();
    return rows.map(recordOf);
  }

  /** How many tokens are in force. */
  async count(): Promise<number> {
    const row = await this.#db
      .selectFrom("tokens")
      .select(sql<number>`count(*)`.as("count"))
      .where("revoked_at", "is", null)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** Ends a token at once and for good; false when no token in force has this id. */
  async revoke(id: string): Promise<boolean> {
    const result = await this.#db
      .updateTable("tokens")
      .set({ revoked_at: new Date(this.#now()).toISOString() })
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  async #touch(id: string, now: number): Promise<void> {
    await this.#db
      .updateTable("tokens")
      .set({ last_used_at: new Date(now).toISOString() })
      .where("id", "=", id)
      .execute();
  }
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function recordOf(row: Omit<Selectable<TokensTable>, "hash">): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role as TokenRole,
    createdAt: Date.parse(row.created_at),
    lastUsedAt: row.last_used_at === null ? undefined : Date.parse(row.last_used_at),
    revokedAt: row.revoked_at === null ? undefined : Date.parse(row.revoked_at),
  };
}
