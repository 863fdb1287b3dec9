/** Keeps what the scan threads hold as the database has it: loads it, and takes over changes in their order. */
import { nextTurn } from "../bus/turn.ts";
import { FacewireError } from "../errors.ts";
import type { Logger } from "../observe/logs.ts";
import type { GalleryChanges } from "../store/gallery/changes.ts";
import { packDescriptors } from "./packing.ts";
import { closed, type ScanThreads } from "./scan-threads.ts";

/** Rows of a page: reading and packing it holds the main thread up for a few ms. */
const PAGE_ROWS = 128;
const MEMBER_ROWS = 512;
/** Pages that may wait for the threads: more would only fill the memory. */
const MOST_UNDER_WAY = 8;
/** Changes that are read at once. */
const CHANGES = 500;
/** First and longest wait before loading is tried again, in ms. */
const RETRY = { first: 100, most: 5_000 } as const;

/** What it works with. */
export interface FollowerParts {
  readonly changes: Pick<GalleryChanges, "position" | "after" | "descriptors" | "members">;
  readonly threads: ScanThreads;
  readonly logger: Logger;
}

/** See the file's head. */
export class Follower {
  readonly #parts: FollowerParts;
  #position: number | undefined;
  /** Each loading has its own; one that is no longer the newest stops. */
  #loading = 0;
  /** Why it could not be loaded the last time. */
  #failure: FacewireError | undefined;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #waiting: { resolve(): void; reject(error: FacewireError): void }[] = [];
  #closed = false;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  get isLoaded(): boolean {
    return this.#position !== undefined;
  }

  /** Of the last change that the threads were sent; undefined until everything is loaded. */
  get position(): number | undefined {
    return this.#position;
  }

  /** Which loading the threads hold whole; undefined while they do not. What they find between two looks that differ is in doubt. */
  get holding(): number | undefined {
    return this.isLoaded ? this.#loading : undefined;
  }

  /** Why loading failed the last time; undefined while all is well. */
  get failure(): FacewireError | undefined {
    return this.#failure;
  }

  /** Loads everything anew; searches wait. */
  reload(): void {
    if (this.#closed) return;
    this.#position = undefined;
    clearTimeout(this.#retry);
    const loading = ++this.#loading;
    void this.#load(loading).catch((thrown) => this.#onLoadFailed(loading, thrown));
  }

  /** A thread is gone with its share; {@link reload} is called when there is another. Searches wait until then. */
  lose(): void {
    this.#position = undefined;
    this.#loading++;
  }

  /**
   * Resolves when the threads have been sent every change that was committed before the call; a search that is sent to them
   * afterwards sees those. Rejects with `store_unavailable`, `shutting_down`.
   */
  async catchUp(): Promise<void> {
    while (!this.isLoaded) await this.#loaded();
    // One that runs has read the position before this call, perhaps; the next one surely reads it after.
    this.#next ??= (this.#running ?? Promise.resolve()).then(() => this.#startNext());
    await this.#next;
  }

  /** Nothing is loaded or taken over any more; whoever waits is rejected. */
  close(): void {
    this.#closed = true;
    this.#loading++;
    clearTimeout(this.#retry);
    this.#settle((waiting) => waiting.reject(closed()));
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    const running = this.#takeOver();
    // Whoever comes next starts behind it, whatever became of it.
    this.#running = running.catch(() => undefined);
    return running;
  }

  async #takeOver(): Promise<void> {
    const [known, held] = [this.#position, this.#loading];
    const latest = await this.#parts.changes.position();
    if (known !== undefined && known > latest && held === this.#loading) {
      this.#parts.logger.info("gallery ahead of an older database, loading anew", { position: known, latest });
      this.reload();
    }
    for (;;) {
      while (!this.isLoaded) await this.#loaded();
      const position = this.#position!;
      // What was loaded meanwhile may be further than that.
      if (position >= latest) return;
      const loading = this.#loading;
      const changes = await this.#parts.changes.after(position, CHANGES);
      if (loading !== this.#loading) continue;
      if (changes === undefined) {
        this.#parts.logger.info("gallery too far behind, loading anew", { position, latest });
        this.reload();
        continue;
      }
      const last = changes.at(-1)?.position ?? latest;
      if (changes.length > 0) this.#send(loading, changes);
      this.#position = last;
      if (last >= latest) return;
      await this.#room();
    }
  }

  #send(loading: number, changes: NonNullable<Awaited<ReturnType<GalleryChanges["after"]>>>): void {
    this.#parts.threads.askAll<"changes">({ type: "changes", changes }).catch((thrown) => {
      // A thread that could not take a change over no longer holds what it should. One that died is replaced and loaded.
      if (loading !== this.#loading || !this.isLoaded) return;
      this.#position = undefined;
      this.#onLoadFailed(loading, thrown);
    });
  }

  async #load(loading: number): Promise<void> {
    const start = performance.now();
    const { changes, threads } = this.#parts;
    const isCurrent = () => loading === this.#loading;
    const position = await changes.position();
    if (!isCurrent()) return;
    threads.reset();
    const underWay = new Set<Promise<unknown>>();
    let failure: unknown;
    const send = async (sent: Promise<unknown>) => {
      const settled = sent.catch((thrown) => {
        failure ??= thrown;
      });
      underWay.add(settled);
      void settled.then(() => underWay.delete(settled));
      if (underWay.size >= MOST_UNDER_WAY) await Promise.race(underWay);
      // Others want the thread too.
      await nextTurn();
      if (failure !== undefined) throw failure;
    };
    for (let next: string | undefined, first = true; first || next !== undefined; first = false) {
      const page = await changes.descriptors(next, PAGE_ROWS);
      if (!isCurrent()) return;
      const shares = packDescriptors(page.items, threads.count);
      const asked = shares.map((parts, place) => threads.ask<"descriptors">(place, { type: "descriptors", parts }));
      await send(Promise.all(asked));
      next = page.next;
    }
    for (let next: string | undefined, first = true; first || next !== undefined; first = false) {
      const page = await changes.members(next, MEMBER_ROWS);
      if (!isCurrent()) return;
      await send(threads.askAll<"members">({ type: "members", members: page.items }));
      next = page.next;
    }
    await Promise.all(underWay);
    if (failure !== undefined) throw failure;
    if (!isCurrent()) return;
    this.#position = position;
    this.#failure = undefined;
    this.#failures = 0;
    this.#parts.logger.info("gallery loaded", { ...threads.state, ms: Math.round(performance.now() - start) });
    this.#settle((waiting) => waiting.resolve());
  }

  #onLoadFailed(loading: number, thrown: unknown): void {
    if (loading !== this.#loading || this.#closed) return;
    const message = "The gallery could not be loaded.";
    const error = FacewireError.from(thrown, "store_unavailable", message);
    this.#failure =
      error.code === "store_unavailable" ? error : new FacewireError("store_unavailable", message, { cause: error });
    this.#parts.logger.warn("gallery not loaded", { error });
    this.#settle((waiting) => waiting.reject(this.#failure!));
    const delay = Math.min(RETRY.most, RETRY.first * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.reload(), delay);
  }

  /** Resolves when it is loaded; rejects at once when that failed the last time. */
  #loaded(): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Waits until the threads are not too far behind. */
  async #room(): Promise<void> {
    while (this.#parts.threads.waiting() > MOST_UNDER_WAY * this.#parts.threads.count && !this.#closed) {
      await new Promise((resume) => setTimeout(resume, 1));
    }
  }

  #settle(settle: (waiting: { resolve(): void; reject(error: FacewireError): void }) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) settle(each);
  }
}
