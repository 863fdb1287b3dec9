/** Which lists a person or a descriptor is on: chains of 8 bytes a membership. */
import { Column } from "./column.ts";

/** Parts of a membership. */
const LIST = 0;
const NEXT = 1;

/** Heads of chains by owner (a row of some table); a chain's end is 0, so memberships count from 1. */
export class Links {
  readonly #memberships: Memberships;
  readonly #heads = new Column();

  constructor(memberships: Memberships) {
    this.#memberships = memberships;
  }

  get bytes(): number {
    return this.#heads.bytes;
  }

  /** Numbers of the lists an owner is on. */
  of(owner: number): readonly number[] {
    const lists: number[] = [];
    for (let at = this.#heads.get(owner); at !== 0; at = this.#memberships.next(at))
      lists.push(this.#memberships.list(at));
    return lists;
  }

  /** False when it is on the list already. */
  add(owner: number, list: number): boolean {
    const head = this.#heads.get(owner);
    for (let at = head; at !== 0; at = this.#memberships.next(at)) {
      if (this.#memberships.list(at) === list) return false;
    }
    this.#heads.set(owner, this.#memberships.make(list, head));
    return true;
  }

  /** Takes an owner off a list; false when it is not on it. */
  remove(owner: number, list: number): boolean {
    let before = 0;
    for (let at = this.#heads.get(owner); at !== 0; before = at, at = this.#memberships.next(at)) {
      if (this.#memberships.list(at) !== list) continue;
      const next = this.#memberships.next(at);
      if (before === 0) this.#heads.set(owner, next);
      else this.#memberships.setNext(before, next);
      this.#memberships.free(at);
      return true;
    }
    return false;
  }

  /** Takes an owner off all lists. */
  clear(owner: number): void {
    let at = this.#heads.get(owner);
    if (at !== 0) this.#heads.set(owner, 0);
    while (at !== 0) {
      const next = this.#memberships.next(at);
      this.#memberships.free(at);
      at = next;
    }
  }
}

/** The memberships of all chains. */
export class Memberships {
  readonly #nodes = new Column(2);
  #made = 0;
  /** First of the chain of those that are free. */
  #free = 0;

  get bytes(): number {
    return this.#nodes.bytes;
  }

  make(list: number, next: number): number {
    let at = this.#free;
    if (at !== 0) this.#free = this.next(at);
    else at = ++this.#made;
    this.#nodes.set(at, list, LIST);
    this.#nodes.set(at, next, NEXT);
    return at;
  }

  free(at: number): void {
    this.#nodes.set(at, this.#free, NEXT);
    this.#free = at;
  }

  list(at: number): number {
    return this.#nodes.get(at, LIST);
  }

  next(at: number): number {
    return this.#nodes.get(at, NEXT);
  }

  setNext(at: number, next: number): void {
    this.#nodes.set(at, next, NEXT);
  }
}
