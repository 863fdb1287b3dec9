/** Work that was given up is kept, seen, run once more and thrown away, over HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeadLetterJson } from "../../src/dead-letters/json.ts";
import type { RunResult } from "../../src/pipeline/results.ts";
import type { Answer, ErrorJson } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { eventually } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

const ADDRESS = "/v1/dead-letters";

interface Page {
  readonly dead_letters: readonly DeadLetterJson[];
  readonly next?: string;
}

interface Retried {
  readonly error?: ErrorJson;
  readonly dead_letter?: { readonly id: string; readonly removed: boolean; readonly attempts: number };
  readonly result?: RunResult;
}

let server: TestServer;
let folder: string;
/** The stage of `sometimes` fails while this file is not there. */
let mended: string;
let probe: ProbeChannel;

const list = async (query = "") => (await server.client.json<Page>(`${ADDRESS}${query}`)).body.dead_letters;
const retry = (id: string): Promise<Answer<Retried>> =>
  server.client.json(`${ADDRESS}/${id}/retry`, { method: "POST" });
const discard = (path: string) =>
  server.client.json<{ discarded?: number; error?: ErrorJson }>(`${ADDRESS}${path}`, { method: "DELETE" });

/** Has a picture given up and waits until its letter is there. */
async function giveUp(pipeline: string, query = "", id = "given-up"): Promise<DeadLetterJson> {
  const known = new Set((await list()).map((letter) => letter.id));
  await server.client.fetch(`/v1/pipelines/${pipeline}/run${query}`, {
    method: "POST",
    body: PLAIN_PICTURE as BodyInit,
    headers: { "x-request-id": id },
  });
  let fresh: DeadLetterJson | undefined;
  for (;;) {
    fresh = (await list()).find((letter) => !known.has(letter.id));
    if (fresh) return fresh;
  }
}

beforeAll(async () => {
  folder = temporaryFolder("facewire-letters-");
  mended = join(folder, "mended");
  probe = new ProbeChannel();
  server = await testServer({
    pipelines: {
      throws: "stages:\n  - probe: { does: throw }\n",
      chosen:
        "parameters: { fails: { type: boolean, default: false } }\n" +
        "stages:\n  - probe: { does: throw }\n    when: request.fails\n",
      sometimes: `stages:\n  - probe: { does: throw, once: ${mended} }\n`,
      holds: `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n  - probe: { does: throw }\n`,
    },
    env: {
      FACEWIRE_INFERENCE_MAX_ATTEMPTS: "1",
      FACEWIRE_DEAD_LETTERS_KEEP_INPUTS: "true",
      FACEWIRE_DEAD_LETTERS_MAX_INPUT: "100KiB",
    },
  });
});
afterAll(async () => {
  probe[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await discard("?all=1");
  await rm(mended, { force: true });
});

describe("A dead letter", () => {
  test("shows stage, cause, attempts, time and request, and nothing of the server's inside", async () => {
    const { id } = await giveUp("throws");
    const { status, body } = await server.client.json<{ dead_letter: DeadLetterJson }>(`${ADDRESS}/${id}`);
    expect(status).toBe(200);
    expect(body.dead_letter).toMatchObject({
      kind: "item",
      pipeline: "throws",
      stage: "1. probe",
      error: { code: "stage_failed" },
      attempts: 1,
      request: "given-up",
      index: 0,
      input: { name: "body", size: PLAIN_PICTURE.byteLength },
    });
    expect(Math.abs(Date.parse(body.dead_letter.time) - Date.now())).toBeLessThan(60_000);
    expect(JSON.stringify(body)).not.toMatch(/told to throw|probe-stage\.ts/);
  });

  test("is run once more with the parameters of its request", async () => {
    expect((await server.client.run("chosen", PLAIN_PICTURE)).status).toBe(200);
    const { id } = await giveUp("chosen", `?parameters=${encodeURIComponent('{"fails":true}')}`);
    expect((await retry(id)).body.error?.code).toBe("stage_failed");
  });

  test("gives its input out byte for byte, never as something a browser would show", async () => {
    const { id } = await giveUp("throws");
    const response = await server.client.fetch(`${ADDRESS}/${id}/input`);
    expect(Buffer.from(await response.arrayBuffer()).equals(PLAIN_PICTURE)).toBe(true);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''body");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test("that nobody has is dead_letter_unknown, whatever is asked of it", async () => {
    const unknown = `${ADDRESS}/01JD8PZ2E5R8Q0G4C6X1T7MABC`;
    for (const [path, method] of [
      [unknown, "GET"],
      [`${unknown}/input`, "GET"],
      [`${unknown}/retry`, "POST"],
      [unknown, "DELETE"],
    ] as const) {
      const { status, body } = await server.client.json<{ error: ErrorJson }>(path, { method });
      expect([path, method, status, body.error.code]).toEqual([path, method, 404, "dead_letter_unknown"]);
    }
  });
});

describe("The list of dead letters", () => {
  test("is paged, newest first, and filtered by request", async () => {
    const ids: string[] = [];
    for (const name of ["a", "b", "a"]) ids.unshift((await giveUp("throws", "", name)).id);
    const first = (await server.client.json<Page>(`${ADDRESS}?limit=2`)).body;
    const second = (await server.client.json<Page>(`${ADDRESS}?limit=2&before=${first.next}`)).body;
    expect([first, second].flatMap((page) => page.dead_letters.map(({ id }) => id))).toEqual(ids);
    expect(second.next).toBeUndefined();
    expect((await list("?request=b")).map(({ id }) => id)).toEqual([ids[1] ?? ""]);
  });

  test("refuses parameters it does not know or cannot read", async () => {
    for (const query of ["?limit=0", "?limit=1001", "?before=x", "?request=", "?limt=2", "?limit=1&limit=2"]) {
      const { status, body } = await server.client.json<{ error: ErrorJson }>(`${ADDRESS}${query}`);
      expect([query, status, body.error.code]).toEqual([query, 400, "request_invalid"]);
    }
  });
});

describe("A retry", () => {
  test("that succeeds answers the result, and the letter is gone", async () => {
    const { id } = await giveUp("sometimes");
    await writeFile(mended, "");
    const { status, body } = await retry(id);
    expect([status, body.dead_letter, body.error]).toEqual([200, { id, removed: true, attempts: 2 }, undefined]);
    expect(body.result).toMatchObject({ pipeline: "sometimes", items: [{ name: "body", status: "no_face" }] });
    expect((await retry(id)).status).toBe(404);
    expect(await list()).toEqual([]);
  });

  test("that fails says why; the letter stays, counts the tries and does not become two", async () => {
    const { id } = await giveUp("throws");
    const { status, body } = await retry(id);
    expect([status, body.error?.code]).toEqual([500, "stage_failed"]);
    expect(body.dead_letter).toEqual({ id, removed: false, attempts: 2 });
    expect(body.result?.items[0]?.error?.code).toBe("stage_failed");
    expect((await retry(id)).body.dead_letter?.attempts).toBe(3);
    const letters = await list();
    expect(letters).toMatchObject([{ id, attempts: 3, request: "given-up", retried_at: expect.any(String) }]);
  });

  test("asks for what the first run had asked for", async () => {
    const { id } = await giveUp("sometimes", "?explain=1&draw=1");
    await writeFile(mended, "");
    const { body } = await retry(id);
    const [item] = body.result?.items ?? [];
    expect(item?.explain).toHaveLength(1);
    expect(item).toHaveProperty("drawn.content_type", "image/jpeg");
  });

  test("that is under way lets no other one in, nor a discard; the input runs once", async () => {
    const before = probe.held.length;
    const made = giveUp("holds");
    await probe.holds(before + 1);
    probe.releaseAll();
    const { id } = await made;
    const first = retry(id);
    await probe.holds(before + 2);
    const [again, thrown] = [await retry(id), await discard(`/${id}`)];
    expect([again.status, again.body.error?.code]).toEqual([409, "dead_letter_busy"]);
    expect([thrown.status, thrown.body.error?.code]).toEqual([409, "dead_letter_busy"]);
    expect((await discard("?all=1")).body.discarded).toBe(0);
    expect((await list())[0]?.retrying_until).toBeString();
    probe.releaseAll();
    expect((await first).status).toBe(500);
    expect(probe.held.length).toBe(before + 2);
    expect((await list())[0]?.retrying_until).toBeUndefined();
    expect((await discard(`/${id}`)).body.discarded).toBe(1);
  });

  test("that its caller leaves frees the letter, which counts no try", async () => {
    const before = probe.held.length;
    const made = giveUp("holds");
    await probe.holds(before + 1);
    probe.releaseAll();
    const { id, attempts } = await made;
    const leaving = new AbortController();
    const left = server.client
      .fetch(`${ADDRESS}/${id}/retry`, { method: "POST", signal: leaving.signal })
      .catch((error: Error) => error.name);
    await probe.holds(before + 2);
    leaving.abort();
    expect(await left).toBe("AbortError");
    let letter: DeadLetterJson | undefined;
    do letter = (await list())[0];
    while (letter?.retrying_until !== undefined);
    // Only now: the server has to notice by itself, not because the work came to its end.
    probe.releaseAll();
    expect(letter).toMatchObject({ id, attempts });
  });

  test("of a pipeline that is gone says so, and the letter stays free", async () => {
    await server.home.writePipeline("passing", "stages:\n  - probe: { does: throw }\n");
    await eventually(() => server.app.engine.pipelines().some(({ name }) => name === "passing"));
    const { id } = await giveUp("passing");
    await rm(join(server.home.pipelinesDir, "passing.yaml"));
    await eventually(() => !server.app.engine.pipelines().some(({ name }) => name === "passing"));
    const { status, body } = await retry(id);
    expect([status, body.error?.code]).toEqual([404, "pipeline_unknown"]);
    expect((await discard(`/${id}`)).status).toBe(200);
  });
});

describe("Discarding", () => {
  test("takes one letter with its input, once", async () => {
    const { id } = await giveUp("throws");
    expect((await discard(`/${id}`)).body.discarded).toBe(1);
    expect((await discard(`/${id}`)).status).toBe(404);
    expect((await server.client.fetch(`${ADDRESS}/${id}/input`)).status).toBe(404);
  });

  test("takes many by request or up to a letter, and all only when that is said", async () => {
    for (const name of ["a", "b", "a", "c"]) await giveUp("throws", "", name);
    expect((await discard("?request=a")).body.discarded).toBe(2);
    const [newest] = await list();
    expect((await discard(`?before=${newest?.id}`)).body.discarded).toBe(1);
    expect((await discard("")).body.error?.code).toBe("request_invalid");
    expect((await discard("?all=1")).body.discarded).toBe(1);
  });
});

describe("An input", () => {
  test("that is larger than allowed is not kept: its letter cannot be retried", async () => {
    const large = Buffer.concat([Buffer.from("P5 400 400 255\n"), Buffer.alloc(400 * 400)]);
    await server.client.run("throws", large);
    let letters: readonly DeadLetterJson[];
    do letters = await list();
    while (letters.length === 0);
    expect(letters[0]?.input).toBeNull();
    const { status, body } = await retry(letters[0]?.id ?? "");
    expect([status, body.error?.code]).toEqual([409, "dead_letter_without_input"]);
  });

  test("is not kept when nobody said that it may be", async () => {
    await using careful = await testServer({
      pipelines: { throws: "stages:\n  - probe: { does: throw }\n" },
      env: { FACEWIRE_INFERENCE_MAX_ATTEMPTS: "1" },
    });
    await careful.client.run("throws", PLAIN_PICTURE);
    let page: Page;
    do page = (await careful.client.json<Page>(ADDRESS)).body;
    while (page.dead_letters.length === 0);
    expect(page.dead_letters[0]).toMatchObject({ pipeline: "throws", input: null });
  });
});

test("A token that may run sees letters, but neither their pictures nor what comes of them", async () => {
  const { id } = await giveUp("throws");
  const tokens = server.app.store.tokens;
  const { secret } = await tokens.create({ role: "run", name: "camera" });
  const client = server.client.as(secret);
  expect((await client.json(ADDRESS)).status).toBe(200);
  expect((await client.json(`${ADDRESS}/${id}`)).status).toBe(200);
  for (const [path, method] of [
    [`/${id}/input`, "GET"],
    [`/${id}/input/`, "HEAD"],
    [`/${id}/retry`, "POST"],
    [`/${id}`, "DELETE"],
    ["?all=1", "DELETE"],
  ] as const) {
    expect([path, (await client.fetch(ADDRESS + path, { method })).status]).toEqual([path, 403]);
  }
  const admin = server.client.as((await tokens.create({ role: "admin", name: "operator" })).secret);
  expect((await admin.fetch(`${ADDRESS}/${id}/input`)).status).toBe(200);
});
