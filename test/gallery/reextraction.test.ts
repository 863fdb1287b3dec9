/** Descriptors of a model that was replaced, through the whole server: a second start with another card. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT_DIR } from "../../src/settings/load.ts";
import type { WrittenSettings } from "../../src/settings/schema.ts";
import { gate, heldAt, inTurn, type ModelScript, scripted, testPicture } from "../../src/testing/index.ts";
import { RawClient } from "../api/native/raw-client.ts";
import { type LunaServer, startLuna } from "../support/luna/server.ts";
import { near, SDK, sdk } from "../support/luna/vectors.ts";
import { hasPostgres, postgresDatabase } from "../support/postgres.ts";
import { eventually } from "../support/settle.ts";

const CARD = "mobileface-512.yaml";
const DESCRIPTORS = "/4/storage/descriptors";
/** Where the scripted model puts everybody: the second model far from the first. */
const FIRST = [...near(1)];
const SECOND = [...near(0.1)];

let folder: string;
const models = (version: 1 | 2) => join(folder, `models-${version}`);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-reextraction-"));
  for (const version of [1, 2] as const) await cp(join(PROJECT_DIR, "models"), models(version), { recursive: true });
  const card = await readFile(join(models(2), CARD), "utf8");
  const newer = card.replace('version: "1"', 'version: "2"').replace("sdk_version: 1001", "sdk_version: 1002");
  await writeFile(join(models(2), CARD), newer);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What is there after a restart: a folder, and a database unless that is in it. */
type Place = Required<Pick<WrittenSettings, "data_dir">> & Pick<WrittenSettings, "database">;

interface Start {
  readonly place: Place;
  readonly version: 1 | 2;
  readonly scripts?: Readonly<Record<string, ModelScript>>;
  readonly reextract?: "auto" | "off";
}

function start({ place, version, scripts = {}, reextract = "auto" }: Start): Promise<LunaServer> {
  return startLuna({
    shipped: ["luna-extract", "luna-warp"],
    models: { "descriptor-default": numbers(version), ...scripts, "*": scripted() },
    database: "file",
    settings: { ...place, models_dir: models(version), gallery: { reextract } },
  });
}
const numbers = (version: 1 | 2) => scripted({ descriptor: version === 1 ? FIRST : SECOND });

/** How far it is, as health tells. */
async function progress(server: LunaServer): Promise<Record<string, unknown>> {
  return { ...(await server.server.health()).parts.reextraction?.details };
}
/** Resolves with what it came to. */
async function ended(server: LunaServer): Promise<Record<string, unknown>> {
  await eventually(async () => {
    const { state, done, of } = await progress(server);
    return state === "idle" && done === of;
  }, "it is done");
  return progress(server);
}
async function versions(server: LunaServer, account: string): Promise<readonly string[]> {
  const { descriptors } = server.server.app.store.gallery;
  return (await descriptors.page(account, { page: 1, pageSize: 100 })).items.map(({ version }) => version);
}

/** A server of the first model with a new account. */
async function first(place: Place) {
  const server = await start({ place, version: 1 });
  const { client, token, email } = await server.newAccount();
  const account = (await server.server.app.store.gallery.accounts.byEmail(email))?.id ?? "";
  const face = async (query: Record<string, number> = {}) => {
    const size = query.warped_image ? { width: 250, height: 250 } : {};
    const answer = await client.post(DESCRIPTORS, await testPicture(size), { type: "image/png", query });
    expect(answer.status).toBe(201);
    return answer.body.faces[0].id as string;
  };
  return { server, client, token, account, face };
}

/** An account with so many descriptors of the first model, whose server has ended; its id. */
async function enrolled(place: Place, count: number): Promise<string> {
  const { server, account, face } = await first(place);
  for (let made = 0; made < count; made++) await face();
  await server.stop();
  return account;
}

/** A server of the second model whose first picture waits at a gate. */
async function held(place: Place) {
  const entrance = gate();
  const descriptor = scripted(heldAt(entrance, { descriptor: SECOND }));
  const second = await start({ place, version: 2, scripts: { "descriptor-default": descriptor } });
  await entrance.holds(1);
  return { second, entrance };
}

const DATABASES = {
  SQLite: { isThere: () => true, open: async () => undefined },
  PostgreSQL: { isThere: hasPostgres, open: postgresDatabase },
} as const;

for (const [name, database] of Object.entries(DATABASES))
  describe.skipIf(!database.isThere())(`When the descriptor model's version has changed, on ${name}`, () => {
    let place: Place;
    beforeEach(async () => {
      const opened = await database.open();
      place = { data_dir: await mkdtemp(join(folder, "data-")), ...(opened && { database: { url: opened.url } }) };
    });

    test("descriptors keep their ids and links and get new numbers from their pictures, portraits and warps; those without are counted", async () => {
      const { server, client, token, account, face } = await first(place);
      const [portrait, warp] = [await face(), await face({ warped_image: 1 })];
      const uploaded = await client.post(DESCRIPTORS, sdk(near(1)), { type: SDK });
      const person = (await client.post("/4/storage/persons", { user_data: "Ada" })).body.person_id;
      const link = { descriptor_id: portrait, do: "attach" };
      await client.call("PATCH", `/4/storage/persons/${person}/linked_descriptors`, { query: link });
      expect(await progress(server)).toMatchObject({ version: "1", replaced: 0, impossible: 0 });
      await server.stop();

      await using second = await start({ place, version: 2 });
      expect(await ended(second)).toEqual({
        state: "idle",
        model: "mobileface-512",
        version: "2",
        done: 3,
        of: 3,
        replaced: 2,
        impossible: 1,
      });
      const { descriptors } = second.server.app.store.gallery;
      const ids = [portrait, warp, uploaded.body.faces[0].id];
      const vectors = await descriptors.vectors(account, ids);
      expect(ids.map((id) => vectors.get(id)?.version)).toEqual(["2", "2", "1"]);
      for (const id of [portrait, warp]) expect(vectors.get(id)?.values[0]).toBeCloseTo(0.1, 5);
      expect(vectors.get(ids[2])?.values[0]).toBe(1);
      // What is of one version is found, what is of another is not.
      const query = { descriptor_id: portrait, descriptor_ids: ids.join(","), limit: 5 };
      const { body } = await second.as({ token }).post("/4/matching/match", undefined, { query });
      expect(body.candidates.map((found: { id: string }) => found.id)).toEqual([portrait, warp].sort());
      expect((await second.as({ token }).get(`/4/storage/persons/${person}`)).body.descriptors).toEqual([portrait]);
      const log = second.server.logs.where({ message: "descriptors extracted again" });
      expect(log).toMatchObject([{ replaced: 2, impossible: 1 }]);
      expect(second.server.logs.text()).not.toContain(portrait);
    });

    test("a picture on which nobody is found any more leaves its descriptor as it was, and is not tried at each start", async () => {
      const { server, account, face } = await first(place);
      await face();
      await face();
      await server.stop();
      const detector = scripted(inTurn([], [{ box: [40, 60, 100, 120], score: 0.9 }]));
      const second = await start({ place, version: 2, scripts: { "detector-default": detector } });
      expect(await ended(second)).toMatchObject({ replaced: 1, impossible: 1 });
      expect([...(await versions(second, account))].sort()).toEqual(["1", "2"]);
      await second.stop();
      await using third = await start({ place, version: 2 });
      expect(await ended(third)).toMatchObject({ replaced: 1, impossible: 1 });
      expect([...(await versions(third, account))].sort()).toEqual(["1", "2"]);
    });

    test("it goes on after a restart where it ended, and does nothing twice", async () => {
      const account = await enrolled(place, 6);
      const { second, entrance } = await held(place);
      expect(await progress(second)).toMatchObject({ state: "running", done: 0 });
      entrance.pass();
      for (let came = 2; Number((await progress(second)).replaced) === 0; came++) {
        await entrance.holds(came);
        entrance.pass();
        await eventually(async () => entrance.waiting.length > 0 || Number((await progress(second)).replaced) > 0);
      }
      const done = Number((await progress(second)).replaced);
      expect(done).toBeLessThan(6);
      await second.stop();
      await using third = await start({ place, version: 2 });
      expect(await ended(third)).toMatchObject({ replaced: 6, impossible: 0, done: 6 });
      expect(await versions(third, account)).toEqual(Array(6).fill("2"));
      const [told] = third.server.logs.where({ message: "descriptors extracted again" });
      expect(told?.replaced).toBeLessThan(6);
    });

    test("a server that ends extracts nothing more while it still waits for who sends it something", async () => {
      const account = await enrolled(place, 3);
      const { second } = await held(place);
      const slow = await RawClient.connect(Number(new URL(second.server.url).port));
      await slow.head("POST", "/v1/pipelines/luna-extract/run", {
        "Content-Type": "image/jpeg",
        "Content-Length": 1000,
      });
      await slow.send("only the beginning");
      await eventually(async () => (await second.server.metric("facewire_http_requests_open")) > 1, "it is open");
      // Ending opens the gate: who still wanted to would get through it in that time.
      await second.server.stop(1_000);
      slow.leave();
      await using third = await start({ place, version: 2, reextract: "off" });
      expect(await versions(third, account)).toEqual(Array(3).fill("1"));
    });

    test("two processes on one database share the work: each descriptor is extracted once", async () => {
      const account = await enrolled(place, 6);
      const both = await Promise.all([start({ place, version: 2 }), start({ place, version: 2 })]);
      try {
        await eventually(async () => (await progress(both[0])).done === 6, "it is done");
        expect(await progress(both[1])).toMatchObject({ replaced: 6, impossible: 0 });
        expect(await versions(both[1], account)).toEqual(Array(6).fill("2"));
      } finally {
        for (const each of both) await each.stop();
      }
    });

    test("nothing is done where the settings say so", async () => {
      const { server, account, face } = await first(place);
      await face();
      await server.stop();
      await using second = await start({ place, version: 2, reextract: "off" });
      expect(await progress(second)).toEqual({ state: "off" });
      expect(await versions(second, account)).toEqual(["1"]);
    });
  });
