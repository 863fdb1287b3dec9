/**
 * What a scan thread knows: its share of the descriptors, and the persons and lists they can be found by, no others: what
 * leads to none of them would take memory in every thread. Takes over changes as the database tells them, each as often as it
 * likes.
 */
import type { GalleryChange, LoadedDescriptor, LoadedMember } from "../../store/gallery/changes.ts";
import type { Vector } from "../../store/gallery/records.ts";
import { Matrix } from "../matrix.ts";
import { lengthOf } from "../quantize.ts";
import { GROUP_SHIFT, MOST_VALUES, type ScanMemory } from "../scan-memory.ts";
import { type ComparableVersion, versionKey } from "../versions.ts";
import { Column } from "./column.ts";
import { Links, Memberships } from "./links.ts";
import { Persons } from "./persons.ts";
import { RowSet } from "./row-set.ts";
import { UuidTable } from "./uuid-table.ts";

/** A list that somebody or something is or was on. */
interface List {
  readonly id: string;
  readonly account: number;
  readonly number: number;
  /** Slots of the descriptors on it, or of the persons on it. */
  readonly slots: RowSet;
}

/** What a change of a descriptor says of its person. */
type PersonOfDescriptor = Pick<Extract<GalleryChange, { readonly kind: "person" }>, "account" | "person" | "lists">;

/** Bytes that a list's object, name and sets take about. */
const LIST_BYTES = 512;

/** See the file's head. */
export class Contents {
  readonly descriptors = new UuidTable();
  readonly persons: Persons;
  readonly #memory: ScanMemory;
  readonly #cards: ReadonlyMap<string, ComparableVersion>;
  readonly #matrices = new Map<string, Matrix>();
  /** By group. */
  readonly #matrixOf: Matrix[] = [];
  readonly #memberships = new Memberships();
  /** Lists of descriptors, by slot. */
  readonly #lists: Links;
  /** By slot. */
  readonly #account = new Column();
  readonly #accounts = new Map<string, number>();
  readonly #listsById = new Map<string, List>();
  /** By number; numbers are not given again. */
  readonly #listsByNumber = new Map<number, List>();
  #listsMade = 0;
  /** Whether an id's descriptor would be here. */
  readonly #owns: (id: string) => boolean;

  constructor(memory: ScanMemory, versions: readonly ComparableVersion[], owns: (id: string) => boolean) {
    this.#memory = memory;
    this.#cards = new Map(versions.map((version) => [versionKey(version.name, version.version), version]));
    this.#owns = owns;
    this.#lists = new Links(this.#memberships);
    this.persons = new Persons(this.#memberships);
  }

  /** All memory, also what is only reserved. */
  get bytes(): number {
    let bytes = this.#memory.size + this.descriptors.bytes + this.persons.bytes + this.#memberships.bytes;
    bytes += this.#lists.bytes + this.#account.bytes;
    for (const matrix of this.#matrices.values()) bytes += matrix.bytes;
    for (const list of this.#listsById.values()) bytes += list.slots.bytes + LIST_BYTES;
    return bytes;
  }

  /** Takes over a change. */
  apply(change: GalleryChange): void {
    switch (change.kind) {
      case "descriptor":
        this.putDescriptor(change);
        this.#joinPerson(change);
        break;
      case "descriptor-removed":
        this.#removeDescriptor(change.descriptor);
        break;
      case "person":
        this.#setPerson(this.descriptors.find(change.descriptor), change.person);
        this.#joinPerson(change);
        break;
      case "person-removed":
        this.#removePerson(change.person);
        break;
      case "member":
        if (change.present) this.putMember(change);
        else this.#removeMember(change.list, change.member);
        break;
      case "list-removed":
        this.#removeList(change.list);
        break;
    }
  }

  /** A descriptor as it is now. */
  putDescriptor({ account, descriptor, person, vector }: LoadedDescriptor): void {
    if (!this.#owns(descriptor)) return;
    const matrix = this.#matrixFor(vector);
    let slot = this.descriptors.find(descriptor);
    if (slot >= 0 && this.matrixOf(slot) !== matrix) {
      // Extracted again by another model: it keeps its lists.
      const lists = this.#lists.of(slot);
      this.#removeDescriptor(descriptor);
      slot = this.#addDescriptor(matrix, account, descriptor, vector);
      for (const number of lists) this.#join(slot, number);
    } else if (slot >= 0) matrix.write(slot, vector.values);
    else slot = this.#addDescriptor(matrix, account, descriptor, vector);
    this.#setPerson(slot, person);
  }

  /**
   * A member of a list. Neither a descriptor nor the person of one that is here: its descriptors are another thread's, or come
   * later, and with them what lists it is on.
   */
  putMember({ account, list, member }: LoadedMember): void {
    const slot = this.descriptors.find(member);
    if (slot >= 0) {
      this.#join(slot, this.#ensureList(list, account).number);
      return;
    }
    const person = this.persons.ids.find(member);
    if (person < 0) return;
    const { number, slots } = this.#ensureList(list, account);
    if (!this.persons.lists.add(person, number)) return;
    this.persons.forEachDescriptor(person, (each) => slots.add(each));
  }

  /** Slots of the descriptors that a list leads to, in rising order; empty for a list of another account. */
  listSlots(account: string, list: string): Uint32Array {
    const known = this.#listsById.get(list);
    return known && known.account === this.#accounts.get(account) ? known.slots.rows() : new Uint32Array();
  }

  /** Slots of those descriptors that belong to the account, in rising order, each once. */
  descriptorSlots(account: string, ids: readonly string[]): Uint32Array {
    const slots = ids.map((id) => this.descriptors.find(id)).filter((slot) => slot >= 0);
    return this.#own(account, slots);
  }

  /** Slots of the descriptors of those persons, likewise. */
  personSlots(account: string, ids: readonly string[]): Uint32Array {
    const slots: number[] = [];
    for (const id of ids) {
      const person = this.persons.ids.find(id);
      if (person >= 0) this.persons.forEachDescriptor(person, (slot) => slots.push(slot));
    }
    return this.#own(account, slots);
  }

  /** The matrix that vectors of a version and length are compared with; undefined where there is none. */
  matrix({ model, version, values }: Vector): Matrix | undefined {
    const matrix = this.#matrices.get(matrixKey(model, version, values.length));
    return matrix?.card && matrix.size > 0 ? matrix : undefined;
  }

  matrixOf(slot: number): Matrix {
    return this.#matrixOf[slot >>> GROUP_SHIFT]!;
  }

  /** Whether all descriptors are of one matrix. */
  get isUniform(): boolean {
    let filled = 0;
    for (const matrix of this.#matrices.values()) if (matrix.size > 0) filled++;
    return filled <= 1;
  }

  #addDescriptor(matrix: Matrix, account: string, id: string, vector: Vector): number {
    const slot = matrix.add(vector.values);
    this.#matrixOf[slot >>> GROUP_SHIFT] = matrix;
    this.descriptors.add(id, slot);
    this.#account.set(slot, this.#accountNumber(account));
    return slot;
  }

  #removeDescriptor(id: string): void {
    const slot = this.descriptors.find(id);
    if (slot < 0) return;
    this.#setPerson(slot, null);
    for (const number of this.#lists.of(slot)) this.#listsByNumber.get(number)?.slots.remove(slot);
    this.#lists.clear(slot);
    this.descriptors.remove(slot);
    this.matrixOf(slot).remove(slot);
  }

  #setPerson(slot: number, id: string | null): void {
    if (slot < 0) return;
    const before = this.persons.personOf(slot);
    const after = id === null ? -1 : this.persons.ensure(id);
    if (before === after) return;
    if (before >= 0) {
      for (const number of this.persons.lists.of(before)) this.#listsByNumber.get(number)?.slots.remove(slot);
      this.persons.detach(before, slot);
      this.persons.dropIfBare(before);
    }
    if (after >= 0) {
      this.persons.attach(after, slot);
      for (const number of this.persons.lists.of(after)) this.#listsByNumber.get(number)?.slots.add(slot);
    }
  }

  /** A person whose descriptor may be new here is on these lists. */
  #joinPerson({ account, person, lists }: PersonOfDescriptor): void {
    if (person === null) return;
    for (const list of lists) this.putMember({ account, list, member: person });
  }

  #removePerson(id: string): void {
    const person = this.persons.ids.find(id);
    if (person < 0) return;
    const lists = this.persons.lists.of(person);
    this.persons.forEachDescriptor(person, (slot) => {
      for (const number of lists) this.#listsByNumber.get(number)?.slots.remove(slot);
      this.persons.detach(person, slot);
    });
    this.persons.dropIfBare(person);
  }

  #join(slot: number, number: number): void {
    if (this.#lists.add(slot, number)) this.#listsByNumber.get(number)?.slots.add(slot);
  }

  #removeMember(list: string, member: string): void {
    const known = this.#listsById.get(list);
    if (!known) return;
    const slot = this.descriptors.find(member);
    if (slot >= 0 && this.#lists.remove(slot, known.number)) known.slots.remove(slot);
    const person = this.persons.ids.find(member);
    if (person < 0 || !this.persons.lists.remove(person, known.number)) return;
    this.persons.forEachDescriptor(person, (each) => known.slots.remove(each));
  }

  #removeList(id: string): void {
    const list = this.#listsById.get(id);
    if (!list) return;
    this.#listsById.delete(id);
    this.#listsByNumber.delete(list.number);
    this.#forgetMembers(list);
  }

  /** Members that were not told to have left it. */
  #forgetMembers({ number, slots }: List): void {
    for (const slot of slots.rows()) {
      this.#lists.remove(slot, number);
      const person = this.persons.personOf(slot);
      if (person >= 0) this.persons.lists.remove(person, number);
    }
  }

  #ensureList(id: string, account: string): List {
    const known = this.#listsById.get(id);
    if (known) return known;
    const list = { id, account: this.#accountNumber(account), number: this.#listsMade++, slots: new RowSet() };
    this.#listsById.set(id, list);
    this.#listsByNumber.set(list.number, list);
    return list;
  }

  #own(account: string, slots: readonly number[]): Uint32Array {
    const number = this.#accounts.get(account);
    return Uint32Array.from(new Set(slots.filter((slot) => this.#account.get(slot) === number))).sort();
  }

  #accountNumber(account: string): number {
    const known = this.#accounts.get(account);
    if (known !== undefined) return known;
    const number = this.#accounts.size + 1;
    this.#accounts.set(account, number);
    return number;
  }

  #matrixFor({ model, version, values }: Vector): Matrix {
    const isUsable = values.length > 0 && values.length <= MOST_VALUES && Number.isFinite(lengthOf(values));
    const card = isUsable ? this.#card(model, version) : undefined;
    const key = card ? matrixKey(model, version, values.length) : "";
    const known = this.#matrices.get(key);
    if (known) return known;
    const matrix = new Matrix(this.#memory, card, card ? values.length : 1);
    this.#matrices.set(key, matrix);
    return matrix;
  }

  #card(model: string, version: string): ComparableVersion | undefined {
    return this.#cards.get(versionKey(model, version));
  }
}

function matrixKey(model: string, version: string, values: number): string {
  return `${versionKey(model, version)}\n${values}`;
}
