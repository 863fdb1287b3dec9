/** PostgreSQL goes away while servers run on it: pictures still run, the rest is refused at once, and all is well afterwards. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { accepted, endOf, jobForm, jobOf, resultsOf, submit } from "../jobs/job-client.ts";
import { type ApiClient, type ErrorJson, GOOD_PICTURE } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { hasPostgres, type PostgresDatabase, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { serve } from "../support/server-process.ts";
import { eventually } from "../support/settle.ts";
import { Subscription } from "../support/subscription.ts";
import { makeHome, type TestServer, testServer } from "../support/test-server.ts";

/** Milliseconds within which a request is told that it cannot be answered. */
const AT_ONCE = 3_000;
const JOB = "?pipeline=face-liveness&name=a.jpg";

describe.skipIf(!hasPostgres())("PostgreSQL", () => {
  let postgres: PostgresServer;
  let database: PostgresDatabase;
  beforeAll(async () => {
    postgres = await startPostgres({ durable: true });
  });
  afterAll(() => postgres[Symbol.asyncDispose]());
  beforeEach(async () => {
    database = await postgres.database();
  });
  afterEach(() => database.remove());

  /** Asks for what needs the database; each has to be refused at once, in the same words. */
  async function expectRefusals(client: ApiClient, secret: string): Promise<void> {
    const asks: Readonly<Record<string, () => Promise<Response>>> = {
      jobs: () => client.fetch("/v1/jobs"),
      job: () => client.fetch("/v1/jobs/01JD8PZ2E5R8Q0G4C6X1T7MABC"),
      "new job": () => client.fetch(`/v1/jobs${JOB}`, { method: "POST", body: GOOD_PICTURE as BodyInit }),
      events: () => client.fetch("/v1/events"),
      "dead letters": () => client.fetch("/v1/dead-letters"),
      "a token": () => client.as(secret).fetch("/v1/pipelines"),
    };
    for (const [what, ask] of Object.entries(asks)) {
      const asked = performance.now();
      const response = await ask();
      const { error } = (await response.json()) as { error?: ErrorJson };
      expect([what, response.status, error?.code]).toEqual([what, 503, "store_unavailable"]);
      expect([what, performance.now() - asked < AT_ONCE]).toEqual([what, true]);
      expect(JSON.stringify(error)).not.toMatch(/127\.0\.0\.1|facewire:|s3cr/);
    }
  }

  async function expectVerdict(client: ApiClient): Promise<void> {
    expect((await client.run("face-liveness")).body.items?.[0]?.faces[0]?.liveness?.prediction).toBe("live");
  }

  describe("gone and back", () => {
    let server: TestServer;
    let secret: string;
    beforeEach(async () => {
      server = await testServer({
        pipelines: { throws: "stages:\n  - probe: { does: throw }\n" },
        env: { FACEWIRE_INFERENCE_MAX_ATTEMPTS: "1", FACEWIRE_DATABASE_URL: database.url },
      });
      secret = (await server.app.store.tokens.create({ role: "admin", name: "a" })).secret;
    });
    afterEach(() => server[Symbol.asyncDispose]());

    for (const [how, leave, back] of [
      ["stopped", () => postgres.stop(), () => postgres.start()],
      ["killed", () => postgres.kill(), () => postgres.start()],
      ["standing still", () => postgres.freeze(), () => postgres.thaw()],
    ] as const) {
      test(`${how}: pictures run, what needs it is refused at once, health says so, all recovers by itself`, async () => {
        const id = await accepted(server.client, JOB, GOOD_PICTURE);
        await endOf(server.client, id);
        using subscription = await Subscription.open(server.client.url);
        // From here on it counts: the job's last words may still be on their way.
        const before = Number((await subscription.has("subscription.started")).cursor);
        await leave();
        try {
          await expectVerdict(server.client);
          await expectRefusals(server.client, secret);
          const asked = performance.now();
          const health = await server.client.health();
          expect(performance.now() - asked).toBeLessThan(AT_ONCE);
          expect(health).toMatchObject({
            status: "degraded",
            parts: { store: { status: "degraded", details: { reason: "cannot_connect" } } },
          });
          expect((await server.client.json("/health/ready")).status).toBe(200);
          await expectVerdict(server.client);
        } finally {
          await back();
        }
        await server.client.healthBecomes(({ status }) => status === "ok");
        await server.client.expectAsBefore();
        expect((await server.client.as(secret).json("/v1/pipelines")).status).toBe(200);
        expect((await jobOf(server.client, id)).state).toBe("completed");
        expect((await endOf(server.client, await accepted(server.client, JOB, GOOD_PICTURE))).state).toBe("completed");
        // What was told meanwhile is stored when that can be done again, once and in order.
        const after = await server.client.json<{ events: { id: string; type: string }[] }>(
          `/v1/events?cursor=${before}&limit=1000`,
        );
        const ids = after.body.events.map((event) => Number(event.id));
        expect(ids).toEqual(ids.map((_, at) => before + at + 1));
        // Who was subscribed all the time has seen just that.
        await eventually(() => (subscription.ids.at(-1) ?? 0) >= (ids.at(-1) ?? 0));
        expect(subscription.ids.slice(0, ids.length)).toEqual(ids);
        const pictures = after.body.events.filter(({ type }) => type === "face.liveness");
        expect(pictures.length).toBeGreaterThanOrEqual(4);
      }, 60_000);
    }

    test("work that is given up while it is gone is logged and counted as lost, and kept again afterwards", async () => {
      const giveUpWork = async () => {
        const { body } = await server.client.run("throws", PLAIN_PICTURE);
        expect(body.error?.code).toBe("stage_failed");
      };
      await postgres.kill();
      await giveUpWork();
      await eventually(() => server.logs.some(({ message }) => message === "dead letter lost"));
      expect(await server.client.metric("facewire_dead_letters_lost_total")).toBe(1);
      await postgres.start();
      await server.client.healthBecomes(({ status }) => status === "ok");
      await giveUpWork();
      await eventually(async () => (await server.app.store.deadLetters.count()) === 1);
      expect(JSON.stringify(server.logs)).not.toMatch(/s3cr/);
    });
  });

  test("a job that was accepted is done, whatever is killed then: the server, PostgreSQL, or both", async () => {
    await using home = await makeHome();
    const env = { FACEWIRE_DATABASE_URL: database.url };
    const pictures = jobForm(
      Array.from({ length: 12 }, (_, at) => [`${at}.jpg`, GOOD_PICTURE] as const),
      { pipeline: "face-liveness" },
    );
    const ids: string[] = [];
    for (const killed of ["server", "postgres", "both"]) {
      await using server = await serve(home, env);
      ids.push(await accepted(server.client, "", pictures));
      if (killed !== "server") await postgres.kill();
      if (killed !== "postgres") server.kill("SIGKILL");
      if (killed !== "server") await postgres.start();
      if (killed !== "postgres") expect(await server.ended).toBe(137);
      else await endOf(server.client, ids.at(-1) as string);
    }
    await using server = await serve(home, env);
    for (const id of ids) {
      const job = await endOf(server.client, id);
      expect([job.state, job.progress.done, job.progress.ok]).toEqual(["completed", 12, 12]);
      expect((await resultsOf(server.client, id)).map(({ index }) => index)).toEqual(
        Array.from({ length: 12 }, (_, index) => index),
      );
    }
    const told = async () => {
      const path = "/v1/events?limit=1000&type=job.completed";
      const { body } = await server.client.json<{ events: { job?: string }[] }>(path);
      return body.events.map(({ job }) => job).sort();
    };
    // A job has ended before that is told.
    await eventually(async () => (await told()).length >= ids.length);
    expect(await told()).toEqual([...ids].sort());
  }, 120_000);

  test("a server does not start without it, says why, and does not say the password", async () => {
    await using home = await makeHome();
    await postgres.stop();
    try {
      const failed = await serve(home, { FACEWIRE_DATABASE_URL: database.url }).then(
        () => "started",
        (error: Error) => error.message,
      );
      expect(failed).toContain("store_unavailable");
      expect(failed).not.toMatch(/s3cr/);
    } finally {
      await postgres.start();
    }
  });

  test("refuses a job while it is gone before anything of it is kept", async () => {
    await using home = await makeHome();
    await using server = await serve(home, { FACEWIRE_DATABASE_URL: database.url });
    await postgres.stop();
    try {
      const { status, body } = await submit(server.client, JOB, GOOD_PICTURE);
      expect([status, body.error?.code]).toEqual([503, "store_unavailable"]);
    } finally {
      await postgres.start();
    }
    await server.client.healthBecomes(({ parts }) => parts.store?.status === "ok");
    expect((await server.client.json<{ jobs: unknown[] }>("/v1/jobs")).body.jobs).toEqual([]);
  });
});
