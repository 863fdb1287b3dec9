/** Two servers on one PostgreSQL and one NATS, each with a data folder of its own, as on two machines. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { accepted, endOf, jobForm, resultsOf, submit } from "../jobs/job-client.ts";
import { GOOD_PICTURE } from "../support/api-client.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { hasPostgres, type PostgresDatabase, postgresDatabase } from "../support/postgres.ts";
import { eventually } from "../support/settle.ts";
import { Subscription } from "../support/subscription.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

const JOB = "?pipeline=face-liveness&name=a.jpg";

describe.skipIf(!hasPostgres() || !hasNatsServer())("Two servers on one database", () => {
  let nats: NatsServer;
  let database: PostgresDatabase;
  let first: TestServer;
  let second: TestServer;
  beforeEach(async () => {
    [nats, database] = await Promise.all([startNatsServer(), postgresDatabase()]);
    const env = {
      FACEWIRE_DATABASE_URL: database.url,
      FACEWIRE_BUS: "nats",
      FACEWIRE_NATS_URL: nats.url,
      FACEWIRE_INFERENCE_WORKERS: "1",
    };
    [first, second] = await Promise.all([testServer({ env }), testServer({ env })]);
  });
  afterEach(async () => {
    await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
    await Promise.all([nats[Symbol.asyncDispose](), database.remove()]);
  });

  test("tell each other's events: a subscriber of one gets those of the other, once and in the order of all", async () => {
    using here = await Subscription.open(first.client.url, "?type=item.completed");
    using there = await Subscription.open(second.client.url, "?type=item.completed");
    const runs = Array.from({ length: 8 }, (_, at) => (at % 2 ? first : second).client.run("face-liveness"));
    for (const { status } of await Promise.all(runs)) expect(status).toBe(200);
    await Promise.all([here.has(8), there.has(8)]);
    expect(new Set(here.ids).size).toBe(8);
    expect(here.ids).toEqual([...here.ids].sort((a, b) => a - b));
    expect(there.ids).toEqual(here.ids);
  });

  test("know each other's tokens", async () => {
    const { secret, id } = await first.app.store.tokens.create({ role: "read", name: "a" });
    expect((await second.client.as(secret).json("/v1/pipelines")).status).toBe(200);
    await second.app.store.tokens.revoke(id);
    expect((await first.client.as(secret).json("/v1/pipelines")).status).toBe(401);
  });

  test("do each job once, the one that has its files, and both show it", async () => {
    const servers = [first, second];
    const form = () =>
      jobForm(
        [0, 1, 2].map((at) => [`${at}.jpg`, GOOD_PICTURE] as const),
        { pipeline: "face-liveness" },
      );
    const ids = await Promise.all(
      [0, 1, 2, 3].map((at) => accepted((servers[at % 2] as TestServer).client, "", form())),
    );
    for (const [at, id] of ids.entries()) {
      const elsewhere = (servers[(at + 1) % 2] as TestServer).client;
      const job = await endOf(elsewhere, id);
      expect([job.state, job.progress.ok]).toEqual(["completed", 3]);
      expect((await resultsOf(elsewhere, id)).map(({ index }) => index)).toEqual([0, 1, 2]);
    }
    const told = async (job: string) => {
      const { body } = await first.client.json<{ events: { type: string; job?: string; item?: number }[] }>(
        `/v1/events?request=job-${job}`,
      );
      return body.events
        .map(({ type, item }) => `${type} ${item ?? ""}`.trim())
        .filter((text) => text !== "job.progress");
    };
    const items = [0, 1, 2].map((item) => `item.completed ${item}`);
    const all = ["job.created", "job.started", ...items, "job.completed"].sort();
    for (const id of ids) {
      await eventually(async () => (await told(id)).includes("job.completed"));
      expect((await told(id)).filter((text) => !text.startsWith("face.")).sort()).toEqual(all);
    }
  });

  test("take a job under one key once, also when both are asked at once", async () => {
    const key = { "idempotency-key": "one" };
    const answers = await Promise.all(
      [first, second, first, second].map(({ client }) => submit(client, JOB, GOOD_PICTURE, key)),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    await endOf(first.client, answers[0]?.body.id ?? "");
  });
});
