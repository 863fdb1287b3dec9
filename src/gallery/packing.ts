/** Packs loaded descriptors for the threads that keep them. */
import type { LoadedDescriptor } from "../store/gallery/changes.ts";
import { UUID_WORDS, writeUuid } from "./memory/uuid.ts";
import type { PackedDescriptors } from "./messages.ts";
import { shareOf } from "./shares.ts";

/** What goes to each thread, by its place. */
export function packDescriptors(items: readonly LoadedDescriptor[], threads: number): PackedDescriptors[][] {
  const shares = Array.from({ length: threads }, () => new Map<string, LoadedDescriptor[]>());
  for (const item of items) {
    const share = shares[shareOf(item.descriptor, threads)]!;
    const { model, version, values } = item.vector;
    const key = `${model}\n${version}\n${values.length}`;
    const alike = share.get(key);
    if (alike) alike.push(item);
    else share.set(key, [item]);
  }
  return shares.map((share) => [...share.values()].map(pack));
}

function pack(items: readonly LoadedDescriptor[]): PackedDescriptors {
  const { model, version, values: first } = items[0]!.vector;
  const values = first.length;
  const floats = new Float32Array(items.length * values);
  const ids = new Uint32Array(items.length * UUID_WORDS);
  const persons = new Uint32Array(items.length * UUID_WORDS);
  const accounts = new Uint32Array(items.length);
  const names: string[] = [];
  const known = new Map<string, number>();
  for (const [row, { account, descriptor, person, vector }] of items.entries()) {
    floats.set(vector.values, row * values);
    writeUuid(descriptor, ids, row * UUID_WORDS);
    if (person !== null) writeUuid(person, persons, row * UUID_WORDS);
    let name = known.get(account);
    if (name === undefined) {
      name = names.push(account) - 1;
      known.set(account, name);
    }
    accounts[row] = name;
  }
  return { model, version, values, floats, ids, persons, accounts, names };
}
