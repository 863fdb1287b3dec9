/** Two servers with the LUNA dialect on one PostgreSQL and one NATS: galleries in memory of both, and one truth. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { LunaClient } from "../support/luna/client.ts";
import { type LunaServer, startLuna } from "../support/luna/server.ts";
import { Gallery, near } from "../support/luna/vectors.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { hasPostgres, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/settle.ts";

describe.skipIf(!hasPostgres() || !hasNatsServer())("Galleries of two servers on one database", () => {
  let nats: NatsServer;
  let postgres: PostgresServer;
  let servers: readonly [LunaServer, LunaServer];
  let clients: readonly [LunaClient, LunaClient];
  let galleries: readonly [Gallery, Gallery];
  beforeEach(async () => {
    [nats, postgres] = await Promise.all([startNatsServer(), startPostgres({ durable: true })]);
    const database = await postgres.database();
    const settings = { database: { url: database.url }, bus: "nats" as const, nats: { url: nats.url } };
    servers = await Promise.all([startLuna({ settings }), startLuna({ settings })]);
    const account = await servers[0].newAccount();
    clients = [account.client, servers[1].as({ token: account.token })];
    galleries = [new Gallery({ client: clients[0] }), new Gallery({ client: clients[1] })];
  });
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all([nats[Symbol.asyncDispose](), postgres[Symbol.asyncDispose]()]);
  });

  /** Ids of the persons on a list that are most like a descriptor, as one server finds them. */
  async function found(at: 0 | 1, descriptor: string, list: string): Promise<readonly string[]> {
    const query = { descriptor_id: descriptor, list_id: list, limit: 5 };
    const { status, body } = await clients[at].call("POST", "/4/matching/identify", { query });
    expect(status).toBe(201);
    return body.candidates.map(({ person_id }: { person_id: string }) => person_id);
  }

  /** Enrols through one server and forgets through the other, and expects both to know it with their next answer. */
  async function expectOneTruth(rounds: number): Promise<void> {
    const reference = await galleries[0].descriptor(near(1));
    const list = await galleries[1].list("persons");
    for (let round = 0; round < rounds; round++) {
      const [here, there] = round % 2 ? ([1, 0] as const) : ([0, 1] as const);
      const { id } = await galleries[here].person(`p${round}`, [near(0.9, 1 + round)], [list]);
      expect([round, await found(there, reference, list)]).toEqual([round, [id]]);
      expect([round, await found(here, reference, list)]).toEqual([round, [id]]);
      expect((await clients[there].delete(`/4/storage/persons/${id}`)).status).toBe(204);
      expect([round, await found(here, reference, list)]).toEqual([round, []]);
      expect([round, await found(there, reference, list)]).toEqual([round, []]);
    }
  }

  test("what one has stored the other finds with its next answer, and what one has deleted it finds no more", async () => {
    await expectOneTruth(20);
  }, 60_000);

  test("that holds as well while the bus between them is away", async () => {
    await nats.kill();
    await expectOneTruth(6);
  }, 60_000);

  test("while the database is away searches are refused, and are right again when it is back", async () => {
    const reference = await galleries[0].descriptor(near(1));
    const list = await galleries[0].list("persons");
    const { id } = await galleries[0].person("p", [near(0.9)], [list]);
    expect(await found(1, reference, list)).toEqual([id]);
    await postgres.kill();
    const query = { descriptor_id: reference, list_id: list, limit: 5 };
    const asked = performance.now();
    const refused = await Promise.all(
      clients.map((client) => client.call("POST", "/4/matching/identify", { query }).then(({ status }) => status)),
    );
    expect(refused.every((status) => status >= 500)).toBe(true);
    expect(performance.now() - asked).toBeLessThan(3_000);
    await postgres.start();
    await eventually(async () => (await clients[1].get("/4/storage/lists", { type: "persons" })).status === 200);
    expect(await found(0, reference, list)).toEqual([id]);
    await expectOneTruth(2);
  }, 60_000);
});
