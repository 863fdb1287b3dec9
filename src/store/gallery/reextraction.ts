/**
 * Brings descriptors to another model, in the order in which they were made and by one process at a time. How far that is
 * stands in the database, written together with what was replaced: whoever goes on does so where the last one ended.
 */
import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../schema.ts";
import { sampleOf } from "./descriptor-rows.ts";
import type { Sample } from "./records.ts";
import type { GalleryReextractionTable } from "./schema.ts";
import { bytesOfVector } from "./vector-bytes.ts";
import type { GalleryWrites } from "./writes.ts";

/** What descriptors can be compared within. */
export interface ModelVersion {
  readonly model: string;
  readonly version: string;
}

/** How far it is. */
export interface ReextractionProgress extends ModelVersion {
  /** All descriptors with numbers up to this are done. */
  readonly walked: number;
  /** The number of the newest descriptor. */
  readonly numbered: number;
  readonly replaced: number;
  /** Descriptors that stay as they are: without a sample, or nothing was found on it any more. */
  readonly impossible: number;
}

/** A process's word that it does the work, until then (epoch ms). */
export interface ReextractionLease {
  readonly owner: string;
  readonly until: number;
}

/** A descriptor of another model. */
export interface StaleDescriptor extends ModelVersion {
  readonly id: string;
  readonly account: string;
  readonly number: number;
  readonly sample: Sample | undefined;
}

/** What came of one. */
export interface Reextracted {
  readonly descriptor: StaleDescriptor;
  /** Undefined where it is impossible. */
  readonly values: Float32Array | undefined;
}

/** Descriptors that one statement looks at: most of them may be of the right model. */
const WINDOW = 2_000;

/** The repository. Every method rejects with `store_unavailable` when the database cannot be used. */
export class Reextractions {
  readonly #db: Kysely<Schema>;
  readonly #writes: GalleryWrites;
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(db: Kysely<Schema>, writes: GalleryWrites, now: () => number = Date.now) {
    this.#db = db;
    this.#writes = writes;
    this.#now = now;
  }

  /** Of the model that was chosen last; its name is empty before the first. */
  async progress(): Promise<ReextractionProgress> {
    const row = await this.#row();
    const { numbered } = await this.#db.selectFrom("gallery_position").select("numbered").executeTakeFirstOrThrow();
    return {
      model: row.model,
      version: row.version,
      walked: Number(row.walked),
      numbered: Number(numbered),
      replaced: Number(row.replaced),
      impossible: Number(row.impossible),
    };
  }

  /** Chooses the model that all descriptors are brought to; starts from the beginning where that is another one. */
  async choose({ model, version }: ModelVersion): Promise<void> {
    await this.#db
      .updateTable("gallery_reextraction")
      .set({ model, version, walked: 0, replaced: 0, impossible: 0, owner: null })
      .where((row) => row.or([row("model", "<>", model), row("version", "<>", version)]))
      .execute();
  }

  /**
   * Takes the work on, or renews the lease. False while another process has it, and when another model was chosen.
   * `hasEnded` tells of a process that it has certainly ended, so that its lease need not run out.
   */
  async lease(target: ModelVersion, lease: ReextractionLease, hasEnded: (owner: string) => boolean): Promise<boolean> {
    const { owner } = await this.#row();
    const result = await this.#db
      .updateTable("gallery_reextraction")
      .set({ owner: lease.owner, lease_until: lease.until })
      .where("model", "=", target.model)
      .where("version", "=", target.version)
      .where((row) =>
        row.or([
          row("owner", "is", null),
          row("owner", "=", lease.owner),
          row("lease_until", "<=", this.#now()),
          ...(owner !== null && hasEnded(owner) ? [row("owner", "=", owner)] : []),
        ]),
      )
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Gives the work back. */
  async release(owner: string): Promise<void> {
    await this.#db.updateTable("gallery_reextraction").set({ owner: null }).where("owner", "=", owner).execute();
  }

  /**
   * Looks for descriptors of other models behind a number. `through`: all up to there were looked at; the same as `after`
   * at the end.
   */
  async stale(
    { model, version }: ModelVersion,
    after: number,
    limit: number,
  ): Promise<{ readonly stale: readonly StaleDescriptor[]; readonly through: number }> {
    // Read first: all numbers up to it are committed.
    const { numbered } = await this.#db.selectFrom("gallery_position").select("numbered").executeTakeFirstOrThrow();
    const end = Math.min(after + WINDOW, Number(numbered));
    const others = await this.#db
      .selectFrom("descriptors")
      .select(["id", "account_id", "number", "model", "version"])
      .where("number", ">", after)
      .where("number", "<=", end)
      .where((row) => row.or([row("model", "<>", model), row("version", "<>", version)]))
      .orderBy("number")
      .limit(limit)
      .execute();
    const samples = await this.#samples(others.map(({ id }) => id));
    const stale = others.map(({ account_id, number, ...row }) => ({
      ...row,
      account: account_id,
      number: Number(number),
      sample: samples.get(row.id),
    }));
    return { stale, through: stale.length === limit ? (stale.at(-1)?.number ?? end) : Math.max(after, end) };
  }

  /**
   * Stores what came of descriptors and that all numbers up to `through` are done. False, and nothing is stored, when the
   * work is not this owner's any more. A descriptor that was deleted or replaced meanwhile stays so.
   */
  async store(target: ModelVersion, owner: string, results: readonly Reextracted[], through: number): Promise<boolean> {
    const replaced = results.filter(({ values }) => values !== undefined).length;
    const advance = async (db: Kysely<Schema>): Promise<boolean> => {
      const result = await db
        .updateTable("gallery_reextraction")
        .set((row) => ({
          walked: through,
          replaced: row("replaced", "+", replaced),
          impossible: row("impossible", "+", results.length - replaced),
        }))
        .where("owner", "=", owner)
        .where("model", "=", target.model)
        .where("version", "=", target.version)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    };
    if (replaced === 0) return advance(this.#db);
    const stored = await this.#writes.run(async (write) => {
      if (!(await advance(write.db))) return false;
      for (const { descriptor, values } of results) {
        if (!values) continue;
        const changed = await write.db
          .updateTable("descriptors")
          .set({ model: target.model, version: target.version })
          .where("id", "=", descriptor.id)
          .where("model", "=", descriptor.model)
          .where("version", "=", descriptor.version)
          .executeTakeFirst();
        if (changed.numUpdatedRows === 0n) continue;
        await write.db
          .updateTable("descriptor_vectors")
          .set({ content: bytesOfVector(values) })
          .where("number", "=", descriptor.number)
          .execute();
        write.change("descriptor", descriptor.account, descriptor.id);
      }
      return write.changed ? true : undefined;
    });
    // All of them were deleted meanwhile, so the transaction was taken back; the way has to be stored all the same.
    return stored ?? advance(this.#db);
  }

  #row(): Promise<Selectable<GalleryReextractionTable>> {
    return this.#db.selectFrom("gallery_reextraction").selectAll().executeTakeFirstOrThrow();
  }

  async #samples(ids: readonly string[]): Promise<ReadonlyMap<string, Sample>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#db
      .selectFrom("descriptor_samples")
      .selectAll()
      .where("descriptor_id", "in", ids)
      .execute();
    return new Map(rows.map((row) => [row.descriptor_id, sampleOf(row)]));
  }
}
