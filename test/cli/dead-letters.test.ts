/** `facewire dead-letters` on the database of a data folder, without a server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore, type Store } from "../../src/store/store.ts";
import { letter } from "../store/letter.ts";
import { facewire } from "../support/cli.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { type Home, makeHome } from "../support/test-server.ts";

let home: Home;
let store: Store;
/** The stage of `sometimes` fails while this file is not there. */
let mended: string;

const run = (...words: string[]) => facewire(["dead-letters", ...words], { env: home.env });

/** Records a letter and gives its id. */
async function record(pipeline: string | undefined, withInput: boolean, requestId = "r1"): Promise<string> {
  const input = { name: "plain.pgm", bytes: PLAIN_PICTURE, wishes: {}, mostInAll: 1e6 };
  await store.deadLetters.record(letter({ pipeline, requestId }), withInput ? input : undefined);
  return (await store.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
}

beforeAll(async () => {
  home = await makeHome();
  mended = join(home.pipelinesDir, "mended");
  await home.writePipeline("throws", "stages:\n  - probe: { does: throw }\n");
  await home.writePipeline("sometimes", `stages:\n  - probe: { does: throw, once: ${mended} }\n`);
  await writeFile(mended, "");
  store = await openStore(home.dataDir);
});
afterAll(async () => {
  await store.close();
  await home[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await store.deadLetters.deleteMany({});
});

describe("facewire dead-letters", () => {
  test("list shows the newest first with cause and input, and how to go on", async () => {
    const [older, newer] = [await record(undefined, false, "a"), await record("throws", true, "b")];
    const { code, stdout, stderr } = await run("list", "--limit", "1");
    expect([code, stdout.split("\n").length]).toEqual([0, 3]);
    expect(stdout).toMatch(new RegExp(`^${newer} .* throws +3\\. liveness +stage_failed +3 +b +plain\\.pgm`, "m"));
    expect(stderr).toContain(`list --before ${newer}`);
    const second = await run("list", "--before", newer, "--json");
    expect(JSON.parse(second.stdout)).toMatchObject({ id: older, request: "a", input: null });
    expect((await run("list", "--request", "b")).stdout).not.toContain(older);
  });

  test("show tells all, the server's own trace too, and writes the input for its owner alone", async () => {
    const id = await record("throws", true);
    const file = join(home.dataDir, "input.pgm");
    const { code, stdout } = await run("show", id, "--input", file);
    expect(code).toBe(0);
    for (const part of ["stage_failed: A stage failed.", "3. liveness", "r1 item 0", "at run (liveness.ts:1:1)"]) {
      expect(stdout).toContain(part);
    }
    expect((await Bun.file(file).bytes()).length).toBe(PLAIN_PICTURE.length);
    expect((await stat(file)).mode & 0o077).toBe(0);
    const full = await run("show", id, "--json", "--input", "/dev/full");
    expect([full.code, full.stderr]).toEqual([1, expect.stringContaining("error file_unwritable: ")]);
  });

  test("retry mends what runs now, and says why the rest does not", async () => {
    const [good, bad, bare] = [
      await record("sometimes", true),
      await record("throws", true),
      await record("throws", false),
    ];
    const { code, stdout, stderr } = await run("retry", good, bad, bare);
    expect(code).toBe(1);
    expect(stdout).toContain(`${good}  mended\nplain.pgm  no face\n`);
    expect(stdout).toContain(`${bad}  failed again, 6 tries\nplain.pgm  error stage_failed:`);
    expect(stdout).toContain(`${bare}  not retried: error dead_letter_without_input:`);
    expect(stderr).toContain("1 of 3 mended");
    const { letters } = await store.deadLetters.list({ limit: 10 });
    expect(letters.map(({ id, attempts }) => [id, attempts])).toEqual([
      [bare, 3],
      [bad, 6],
    ]);
    expect(letters[1]?.internal).toContain("told to throw");
  });

  test("retry --all takes every letter that can be retried", async () => {
    const ids = [await record("sometimes", true), await record("sometimes", true)];
    const bare = await record(undefined, false);
    const { code, stdout } = await run("retry", "--all", "--json");
    expect(code).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(ids.map((id) => ({ id, removed: true, attempts: 4 })));
    expect((await store.deadLetters.list({ limit: 10 })).letters.map(({ id }) => id)).toEqual([bare]);
    expect((await run("retry", "--all")).stderr).toContain("no letter has an input");
  });

  test("discard deletes what is named, and nothing when nothing is", async () => {
    const ids = [
      await record("throws", true, "a"),
      await record("throws", true, "b"),
      await record("throws", true, "c"),
    ];
    expect((await run("discard", ids[0] ?? "")).stderr).toBe("1 letter discarded\n");
    expect((await run("discard", "--request", "b")).stderr).toBe("1 letter discarded\n");
    expect((await run("discard")).code).toBe(2);
    expect(await store.deadLetters.count()).toBe(1);
    expect((await run("discard", "--all")).stderr).toBe("1 letter discarded\n");
    expect(await store.deadLetters.count()).toBe(0);
  });

  test("an id that nobody has ends with 1 and its code", async () => {
    for (const words of [
      ["show", "x"],
      ["discard", "x"],
    ]) {
      const { code, stderr } = await run(...words);
      expect([code, stderr]).toEqual([1, "error dead_letter_unknown: No dead letter has this id.\n"]);
    }
  });
});
