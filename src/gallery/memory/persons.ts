/** Persons: which descriptors they have and which lists they are on. A person without descriptors is not kept. */
import { Column } from "./column.ts";
import { Links, type Memberships } from "./links.ts";
import { UuidTable } from "./uuid-table.ts";

/** Rows are persons; descriptors are named by their slots. */
export class Persons {
  readonly ids = new UuidTable();
  readonly lists: Links;
  /** First descriptor of a person + 1, or 0. */
  readonly #first = new Column();
  /** Next descriptor of the same person + 1, by slot. */
  readonly #next = new Column();
  /** Person + 1 by slot, or 0. */
  readonly #person = new Column();
  readonly #free: number[] = [];
  #made = 0;

  constructor(memberships: Memberships) {
    this.lists = new Links(memberships);
  }

  get bytes(): number {
    return this.ids.bytes + this.lists.bytes + this.#first.bytes + this.#next.bytes + this.#person.bytes;
  }

  /** The person of an id, made when it is not there. */
  ensure(id: string): number {
    const known = this.ids.find(id);
    if (known >= 0) return known;
    const person = this.#free.pop() ?? this.#made++;
    this.ids.add(id, person);
    this.#first.set(person, 0);
    return person;
  }

  /** Forgets a person that has no descriptors any more. */
  dropIfBare(person: number): void {
    if (this.#first.get(person) !== 0) return;
    this.lists.clear(person);
    this.ids.remove(person);
    this.#free.push(person);
  }

  /** The person of a descriptor, or -1. */
  personOf(slot: number): number {
    return this.#person.get(slot) - 1;
  }

  /** Calls back with each descriptor of a person. */
  forEachDescriptor(person: number, callback: (slot: number) => void): void {
    for (let slot = this.#first.get(person) - 1; slot >= 0; ) {
      const next = this.#next.get(slot) - 1;
      callback(slot);
      slot = next;
    }
  }

  /** Gives a descriptor that has no person to one. */
  attach(person: number, slot: number): void {
    this.#person.set(slot, person + 1);
    this.#next.set(slot, this.#first.get(person));
    this.#first.set(person, slot + 1);
  }

  /** Takes a descriptor from its person. */
  detach(person: number, slot: number): void {
    const next = this.#next.get(slot);
    if (this.#first.get(person) === slot + 1) this.#first.set(person, next);
    else {
      let before = this.#first.get(person) - 1;
      while (this.#next.get(before) !== slot + 1) before = this.#next.get(before) - 1;
      this.#next.set(before, next);
    }
    this.#person.set(slot, 0);
  }
}
