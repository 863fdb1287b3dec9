/** Work that is asked for again while it is done: all who ask get the one outcome. */

/** See the file's head. */
export class Ongoing<T> {
  readonly #works = new Map<string, Promise<T>>();

  /** The outcome of the work of this name: that which is under way, else of `begin`. */
  once(name: string, begin: () => Promise<T>): Promise<T> {
    const ongoing = this.#works.get(name);
    if (ongoing) return ongoing;
    const work = begin().finally(() => this.#works.delete(name));
    this.#works.set(name, work);
    return work;
  }
}
