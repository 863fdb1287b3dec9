/**
 * Searches on their way to the threads: those that wait while others are scanned go together, and while more are known to
 * come, those that are ready wait a moment for them. A search among many costs half or a third where several are scanned in
 * one pass; nobody waits who is alone.
 */
import { nextTurn } from "../bus/turn.ts";
import { FacewireError } from "../errors.ts";
import type { ScanMatch, ScanSearch } from "./scan.ts";
import type { ScanThreads } from "./scan-threads.ts";

/** Searches that are scanned together. */
const MOST_TOGETHER = 16;
/** Vectors of one search that are scanned in one go: a person may have any number of them, and others want their turn. */
const MOST_PROBES = 64;

/**
 * How long searches wait for expected ones where those would fill a scan: so many times what the last scan took, and never longer
 * than this (ms). Where few are expected the wait is as much shorter: there is time for a scan of each then.
 */
const LONGEST_GATHER_SCANS = 14;
const LONGEST_GATHER_MS = 130;

interface Waiting {
  readonly search: ScanSearch;
  readonly deadline: number;
  resolve(matches: readonly ScanMatch[]): void;
  reject(error: unknown): void;
}

/** See the file's head. */
export class SearchQueue {
  readonly #threads: ScanThreads;
  #waiting: Waiting[] = [];
  #isScanning = false;
  #expected = 0;
  /** Milliseconds. */
  #lastScan = 0;
  /** Ends the gathering. */
  #gathered: (() => void) | undefined;

  constructor(threads: ScanThreads) {
    this.#threads = threads;
  }

  /**
   * The matches among what the threads were sent before the call. Rejects with what a thread failed with, and between the parts
   * of a search for many vectors with `request_cancelled` when the signal is aborted.
   */
  async search(
    search: ScanSearch,
    deadline = Number.POSITIVE_INFINITY,
    signal?: AbortSignal,
  ): Promise<readonly ScanMatch[]> {
    const { probes } = search;
    const parts = [await this.#part({ ...search, probes: probes.slice(0, MOST_PROBES) }, deadline)];
    for (let at = MOST_PROBES; at < probes.length; at += MOST_PROBES) {
      if (signal?.aborted) throw new FacewireError("request_cancelled", "Nobody waits for the search any more.");
      parts.push(await this.#part({ ...search, probes: probes.slice(at, at + MOST_PROBES) }, deadline));
    }
    return merged(search, parts);
  }

  /** A search is on its way, until this is disposed of. */
  expect(): Disposable {
    this.#expected++;
    let isHere = false;
    return {
      [Symbol.dispose]: () => {
        if (isHere) return;
        isHere = true;
        this.#expected--;
        // Not at once: what was expected is asked for in the same turn.
        if (this.#expected === 0) setImmediate(() => this.#endGathering());
      },
    };
  }

  #part(search: ScanSearch, deadline: number): Promise<readonly ScanMatch[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ search, deadline, resolve, reject });
      this.#endGathering();
      void this.#scan();
    });
  }

  /** Waits for searches that are expected, while there is room for them. */
  async #gather(): Promise<void> {
    const share = Math.min(1, this.#expected / MOST_TOGETHER);
    const longest = share * Math.min(LONGEST_GATHER_MS, LONGEST_GATHER_SCANS * this.#lastScan);
    if (longest < 1 || !this.#isWorthWaiting()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, longest);
      this.#gathered = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#gathered = undefined;
  }

  #isWorthWaiting(): boolean {
    return this.#expected > 0 && this.#waiting.length < MOST_TOGETHER;
  }

  #endGathering(): void {
    if (!this.#isWorthWaiting()) this.#gathered?.();
  }

  async #scan(): Promise<void> {
    if (this.#isScanning) return;
    this.#isScanning = true;
    // Searches that waited for the same changes come one after the other within this turn.
    await nextTurn();
    while (this.#waiting.length > 0) {
      await this.#gather();
      const together = this.#waiting.splice(0, MOST_TOGETHER).filter((waiting) => !isLate(waiting));
      if (together.length === 0) continue;
      try {
        const searches = together.map(({ search }) => search);
        const start = performance.now();
        const shares = await this.#threads.askAll<"search">({ type: "search", searches });
        this.#lastScan = performance.now() - start;
        for (const [at, waiting] of together.entries()) {
          waiting.resolve(
            merged(
              waiting.search,
              shares.map((share) => share[at]!),
            ),
          );
        }
      } catch (error) {
        for (const waiting of together) waiting.reject(error);
      }
    }
    this.#isScanning = false;
  }
}

/** Rejects one whose time is over: nobody waits for it. */
function isLate({ deadline, reject }: Waiting): boolean {
  if (Date.now() < deadline) return false;
  reject(new FacewireError("deadline_exceeded", "The search was not done by its deadline."));
  return true;
}

/** The best of all threads or parts: what is among the best of all is among the best of one of them. */
function merged({ by, limit }: ScanSearch, shares: readonly (readonly ScanMatch[])[]): readonly ScanMatch[] {
  if (shares.length === 1) return shares[0]!;
  const idOf = ({ descriptor, person }: ScanMatch) => (by === "person" ? person! : descriptor);
  const best = new Map<string, ScanMatch>();
  const order = (one: ScanMatch, other: ScanMatch) =>
    other.similarity - one.similarity ||
    compareTexts(idOf(one), idOf(other)) ||
    compareTexts(one.descriptor, other.descriptor);
  for (const match of shares.flat().sort(order)) if (!best.has(idOf(match))) best.set(idOf(match), match);
  return [...best.values()].slice(0, limit);
}

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
