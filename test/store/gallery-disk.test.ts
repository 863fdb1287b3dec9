/** What is on the disk of galleries: all that was acknowledged, and nothing that was deleted. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type Store } from "../../src/store/store.ts";
import { descriptor, person } from "./gallery-suite.ts";

let dir: string;
let store: Store;
let account: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gallery-"));
  store = await openStore(dir);
  const wish = { organizationName: "o", email: "a@example.org", passwordHash: "h", tokenData: "t" };
  account = (await store.gallery.accounts.create(wish))?.account.id ?? "";
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

/** What several processes acknowledged, each killed after a few. */
async function enrolledByKilled(processes: number, list: string): Promise<readonly (readonly string[])[]> {
  const command = [process.execPath, join(import.meta.dir, "enroller.ts"), dir, account, list];
  const said = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
      let text = "";
      for await (const chunk of child.stdout) {
        text += new TextDecoder().decode(chunk);
        if (text.split("\n").length > 8) child.kill("SIGKILL");
      }
      await child.exited;
      return text.split("\n").slice(0, -1);
    }),
  );
  return said.flat().map((line) => line.split(" "));
}

describe("processes that enrol people and are killed", () => {
  test("lose nothing that was acknowledged, and leave counts, pages and the feed of changes exact", async () => {
    const { gallery } = store;
    const list = await gallery.lists.create(account, "persons", "l");
    const acknowledged = await enrolledByKilled(3, list);
    expect(acknowledged.length).toBeGreaterThanOrEqual(24);
    const persons = await gallery.persons.page(account, {}, { page: 1, pageSize: 1_000 });
    const byId = new Map(persons.items.map((each) => [each.id, each]));
    for (const [who = "", ...faces] of acknowledged) {
      expect([...(byId.get(who)?.descriptors ?? [])].sort()).toEqual(faces.sort());
      expect(byId.get(who)?.lists).toEqual([list]);
    }
    // What was begun when they were killed is there as a whole or not at all.
    expect(persons.count).toBe(persons.items.length);
    expect((await gallery.lists.get(account, list))?.count).toBe(persons.count);
    const descriptors = await gallery.descriptors.page(account, { page: 1, pageSize: 1_000 });
    expect(descriptors.count).toBe(descriptors.items.length);
    for (const each of persons.items) expect(each.descriptors.length).toBeGreaterThanOrEqual(1);
    const position = await gallery.changes.position();
    const changes = (await gallery.changes.after(0, 100_000)) ?? [];
    const positions = [...new Set(changes.map((change) => change.position))];
    expect(positions).toEqual(Array.from({ length: position }, (_, at) => at + 1));
    const told = changes.filter(({ kind }) => kind === "descriptor").length;
    expect(told).toBe(descriptors.count);
  });
});

describe("a face that is deleted", () => {
  /** Bytes that nothing else has. */
  const face = new TextEncoder().encode("the face of somebody who wants to be forgotten; ".repeat(400));
  const part = Buffer.from(face.subarray(0, 48));
  const numbers = Float32Array.from({ length: 512 }, (_, at) => Math.fround(1_000.5 + at));
  const vector = Buffer.from(numbers.buffer).subarray(0, 64);

  async function found(): Promise<readonly string[]> {
    const files = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name))));
    const all = Buffer.concat(files);
    return [...(all.includes(part) ? ["picture"] : []), ...(all.includes(vector) ? ["numbers"] : [])];
  }

  test("is on the disk no more while the server goes on: neither the picture nor the numbers", async () => {
    const sample = { kind: "portrait", bytes: face, width: 188, height: 250 } as const;
    const who = person();
    await store.gallery.descriptors.create(account, [descriptor({ values: numbers, sample })], { person: who });
    expect(await found()).toEqual(["picture", "numbers"]);
    await store.gallery.persons.remove(account, who.id);
    expect(await store.gallery.descriptors.collect(Number.MAX_SAFE_INTEGER, 1)).toBe(1);
    expect(await store.gallery.descriptors.collect(Number.MAX_SAFE_INTEGER, 1)).toBe(0);
    expect(await found()).toEqual([]);
  });

  test("goes with its account too", async () => {
    const sample = { kind: "warp", bytes: face, width: 250, height: 250 } as const;
    await store.gallery.descriptors.create(account, [descriptor({ values: numbers, sample })]);
    await store.gallery.accounts.remove(account);
    expect(await found()).toEqual([]);
  });
});
