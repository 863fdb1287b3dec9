/**
 * Descriptors that are to be stored at one time, in one transaction: what requests bring together, and what comes while another
 * transaction is being committed. A commit waits for the disk, and each one costs about as much as ten rows.
 */
import { nextTurn } from "../../bus/turn.ts";
import { FacewireError } from "../../errors.ts";
import { addDescriptors } from "./enrolling.ts";
import type { NewDescriptor } from "./records.ts";
import type { GalleryWrites } from "./writes.ts";

/** Requests whose descriptors are stored together. */
const MOST_TOGETHER = 32;

/** What one request brings. */
interface Creation {
  readonly account: string;
  readonly descriptors: readonly NewDescriptor[];
}

interface Waiting extends Creation {
  resolve(): void;
  reject(error: unknown): void;
}

/** See the file's head. */
export class Creations {
  readonly #writes: GalleryWrites;
  readonly #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(writes: GalleryWrites) {
    this.#writes = writes;
  }

  /** Stores descriptors that are nobody's yet, all or none; they are committed when this resolves. */
  create(account: string, descriptors: readonly NewDescriptor[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ account, descriptors, resolve, reject });
      void this.#write();
    });
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await nextTurn();
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, MOST_TOGETHER);
      if (await this.#stored(together)) continue;
      // One of them cannot be stored, such as those of an account that has just gone; the others can.
      for (const one of together) await this.#stored([one]);
    }
    this.#isWriting = false;
  }

  /** False when one of several was refused; nothing is stored then and nobody was told. */
  async #stored(together: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#writes.run(async (write) => {
        for (const { account, descriptors } of byAccount(together))
          await addDescriptors(write, account, descriptors, null);
      });
    } catch (error) {
      if (together.length > 1 && FacewireError.from(error).code !== "store_unavailable") return false;
      for (const { reject } of together) reject(error);
      return true;
    }
    for (const { resolve } of together) resolve();
    return true;
  }
}

function byAccount(creations: readonly Creation[]): readonly Creation[] {
  const accounts = new Map<string, NewDescriptor[]>();
  for (const { account, descriptors } of creations) {
    const known = accounts.get(account);
    if (known) known.push(...descriptors);
    else accounts.set(account, [...descriptors]);
  }
  return [...accounts].map(([account, descriptors]) => ({ account, descriptors }));
}
