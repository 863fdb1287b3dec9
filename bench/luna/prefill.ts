/** A data folder with an account whose list of persons holds many descriptors, as if they had been enrolled. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../src/store/store.ts";

/** Descriptors of each person: people are enrolled with several pictures. */
export const EACH = 20;
const LENGTH = 512;

/** What was made. */
export interface Prefilled {
  readonly dataDir: string;
  readonly token: string;
  readonly list: string;
  /** One of the descriptors. */
  readonly descriptor: string;
}

/** `count` descriptors of the model, of random directions. */
export async function prefill(model: string, version: string, count: number): Promise<Prefilled> {
  const dataDir = await mkdtemp(join(tmpdir(), "facewire-bench-"));
  const store = await openStore(dataDir);
  try {
    const { accounts, lists, descriptors } = store.gallery;
    const wish = {
      organizationName: "bench",
      email: "bench@example.org",
      passwordHash: "none: its token is used",
      tokenData: "bench",
    };
    const made = await accounts.create(wish);
    if (!made) throw new Error("the benchmark's account is there already");
    const account = made.account.id;
    const list = await lists.create(account, "persons", "bench");
    let descriptor = "";
    for (let at = 0; at < count; at += EACH) {
      const batch = Array.from({ length: Math.min(EACH, count - at) }, () => ({
        id: crypto.randomUUID(),
        model,
        version,
        values: direction(),
      }));
      const person = { id: crypto.randomUUID(), userData: `person ${at / EACH}`, externalId: "" };
      await descriptors.create(account, batch, { person, list });
      descriptor = batch[0]!.id;
    }
    return { dataDir, token: made.token, list, descriptor };
  } finally {
    await store.close();
  }
}

/** Of length 1, all directions alike: independent normal values (Box and Muller, 1958). */
function direction(): Float32Array {
  const values = new Float32Array(LENGTH);
  let squares = 0;
  for (let i = 0; i < LENGTH; i++) {
    values[i] = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    squares += values[i]! ** 2;
  }
  const length = Math.sqrt(squares);
  return values.map((value) => value / length);
}
