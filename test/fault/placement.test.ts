/** Several processes over NATS: one of them ends, or the broker does. */
import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "nats";
import { openNatsBus } from "../../src/bus/nats/open.ts";
import type { WireRecord } from "../../src/bus/wire.ts";
import { contentKey } from "../../src/pipeline/placement/requirements.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { ApiClient, RunAnswer } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { serve, serveGroups } from "../support/server-process.ts";
import { rejection } from "../support/settle.ts";
import { makeHome, type Pipelines } from "../support/test-server.ts";

const PLACED = "stages:\n  - probe: {}\n    place: faces\n";
const HERE = "stages: [probe]\n";

/** A pipeline without stages, such as anybody could send. */
const EMPTY_PLAN: Plan = {
  name: "empty",
  version: "1",
  steps: [],
  accepts: ["image"],
  parameters: {},
  sampling: { rate: 5 },
  deadlineMs: 1_000,
  videoDeadlineMs: 1_000,
  maxFiles: 1,
  maxFrames: 1,
  maxFaces: 1,
  priority: 5,
  aggregate: {},
};

/** A broker, and a home whose processes meet there. */
async function homeOnNats(pipelines: Pipelines = {}) {
  const stack = new AsyncDisposableStack();
  const nats = stack.use(await startNatsServer());
  const home = stack.use(await makeHome({ placed: PLACED, here: HERE, ...pipelines }));
  await mkdir(home.dataDir);
  const env = { FACEWIRE_BUS: "nats", FACEWIRE_NATS_URL: nats.url, FACEWIRE_INFERENCE_WORKERS: "1" };
  return {
    nats,
    home: { ...home, env: { ...home.env, ...env } },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function until(holds: () => Promise<boolean>, patience = 10_000): Promise<void> {
  for (const end = Date.now() + patience; !(await holds()); await Bun.sleep(5)) {
    if (Date.now() > end) throw new Error(`This did not come true: ${holds}`);
  }
}

async function members(client: ApiClient, group = "faces"): Promise<number> {
  const groups = (await client.health()).parts.groups?.details ?? {};
  return (groups[group] as { members: unknown[] } | undefined)?.members.length ?? 0;
}

/** What became of a request: the status of its item, or a code. */
function outcome({ body }: RunAnswer): string {
  return body.error?.code ?? body.items?.[0]?.error?.code ?? body.items?.[0]?.status ?? "nothing";
}

/** Milliseconds that a request in hand would have, were it not told that the broker is gone. */
const HELD_FOR = 9_000;

/** Subjects that clients of the broker listen on, without those of single questions. */
async function subscriptions(nats: NatsServer): Promise<readonly string[]> {
  const { connections } = await nats.monitoring<{ connections: { subscriptions_list?: string[] }[] }>("/connz?subs=1");
  return connections.flatMap(({ subscriptions_list = [] }) => subscriptions_list).sort();
}

describe.skipIf(!hasNatsServer())("over NATS", () => {
  test("a process killed with 100 requests in flight: each ends by its deadline, none twice", async () => {
    const spin = (end: string, log: string) =>
      `stages:\n  - probe: { does: spin, channel: ${end}, log: ${log} }\n    place: faces\nlimits: { deadline: 20s }\n`;
    await using made = await homeOnNats();
    const { home } = made;
    const [end, log] = [join(home.dataDir, "end"), join(home.dataDir, "log")];
    await writeFile(log, "");
    await home.writePipeline("spin", spin(end, log));
    await using doomed = await serveGroups(home, "faces");
    await using other = await serveGroups(home, "faces");
    await using server = await serve(home, { FACEWIRE_ROLES: "[api]" });
    const { client } = server;
    await until(async () => (await members(client)) === 2);

    const startedAt = Date.now();
    const running = Array.from({ length: 100 }, () => client.run("spin", PLAIN_PICTURE));
    await until(
      async () => (await Bun.file(log).text()).split("\n").filter((line) => line.startsWith("+")).length === 2,
    );
    await until(async () => (await client.metric("facewire_http_requests_open")) === 101);
    const killedAt = Date.now();
    doomed.kill("SIGKILL");
    await until(async () => (await members(client)) === 1);
    const noticedAfter = Date.now() - killedAt;
    await writeFile(end, "");
    const outcomes = (await Promise.all(running)).map(outcome);
    const took = Date.now() - startedAt;

    expect(outcomes).toEqual(Array(100).fill("no_face"));
    expect(took).toBeLessThan(20_000);
    expect(await client.metric("facewire_items_total")).toBe(100);
    expect(server.output()).toContain("process lost");
    expect(await client.metric("facewire_group_members_lost_total")).toBe(1);
    console.log(`A killed process was noticed after ${noticedAfter} ms.`);
    expect(other.output()).not.toContain('"level":"error"');
  }, 60_000);

  test("the last process killed: its requests end with a coded error by their deadline", async () => {
    await using made = await homeOnNats();
    const { home } = made;
    const log = join(home.dataDir, "log");
    await writeFile(log, "");
    const text = `stages:\n  - probe: { does: spin, channel: ${join(home.dataDir, "never")}, log: ${log} }\n    place: faces\n`;
    await home.writePipeline("spin", `${text}limits: { deadline: 3s }\n`);
    await using doomed = await serveGroups(home, "faces");
    await using server = await serve(home, { FACEWIRE_ROLES: "[api]" });
    const running = server.client.run("spin", PLAIN_PICTURE);
    await until(async () => (await Bun.file(log).text()).startsWith("+"));
    doomed.kill("SIGKILL");
    expect(outcome(await running)).toBe("deadline_exceeded");
    const refused = await server.client.run("spin", PLAIN_PICTURE);
    expect([refused.status, outcome(refused), refused.headers.get("retry-after")]).toEqual([
      503,
      "group_unavailable",
      "1",
    ]);
  }, 30_000);

  test("the broker gone for 10 s: refused within a second, all else goes on, and back without a restart", async () => {
    await using made = await homeOnNats();
    const { home, nats } = made;
    const [log, go] = [join(home.dataDir, "log"), join(home.dataDir, "go")];
    await writeFile(log, "");
    const spin = `stages:\n  - probe: { does: spin, channel: ${go}, log: ${log} }\n    place: faces\n`;
    await home.writePipeline("held", `${spin}limits: { deadline: ${HELD_FOR}ms }\n`);
    await using _member = await serveGroups(home, "faces");
    await using server = await serve(home);
    const { client } = server;
    await until(async () => outcome(await client.run("placed", PLAIN_PICTURE)) === "no_face");
    const before = await subscriptions(nats);

    const inHand = client.run("held", PLAIN_PICTURE);
    await until(async () => (await Bun.file(log).text()).startsWith("+"));
    await nats.kill();
    const goneAt = Date.now();
    const answer = await inHand;
    expect([answer.status, outcome(answer), answer.headers.get("retry-after")]).toEqual([503, "bus_unavailable", "1"]);
    expect(Date.now() - goneAt).toBeLessThan(HELD_FOR);
    const refused = await client.run("placed", PLAIN_PICTURE);
    expect([refused.status, outcome(refused), refused.headers.get("retry-after")]).toEqual([
      503,
      "bus_unavailable",
      "1",
    ]);
    expect(outcome(await client.run("here", PLAIN_PICTURE))).toBe("no_face");
    expect((await client.health()).parts.bus).toMatchObject({ status: "degraded" });

    await writeFile(go, "");
    await Bun.sleep(10_000 - (Date.now() - goneAt));
    await nats.start();
    await until(async () => outcome(await client.run("placed", PLAIN_PICTURE)) === "no_face");
    expect((await client.healthBecomes(({ status }) => status === "ok")).parts.bus?.status).toBe("ok");
    expect(await subscriptions(nats)).toEqual(before);
  }, 60_000);

  test("the broker frozen: nobody waits for long, and all goes on when it does", async () => {
    await using made = await homeOnNats();
    const { home, nats } = made;
    await using _member = await serveGroups(home, "faces");
    await using server = await serve(home);
    const { client } = server;
    await until(async () => outcome(await client.run("placed", PLAIN_PICTURE)) === "no_face");
    const before = await subscriptions(nats);
    await nats.freeze();
    const frozenAt = Date.now();
    await until(async () => {
      const answer = await client.run("placed", PLAIN_PICTURE, "?deadline=200ms");
      return answer.status === 503;
    });
    console.log(`A frozen broker was noticed after ${Date.now() - frozenAt} ms.`);
    expect(outcome(await client.run("here", PLAIN_PICTURE))).toBe("no_face");
    nats.thaw();
    await until(async () => outcome(await client.run("placed", PLAIN_PICTURE)) === "no_face");
    await client.healthBecomes(({ status }) => status === "ok");
    expect(await subscriptions(nats)).toEqual(before);
  }, 60_000);

  test("the broker away for a moment: what was in hand comes back, worked on once", async () => {
    await using made = await homeOnNats();
    const { home, nats } = made;
    const [end, log] = [join(home.dataDir, "end"), join(home.dataDir, "log")];
    await writeFile(log, "");
    const text = `stages:\n  - probe: { does: spin, channel: ${end}, log: ${log} }\n    place: faces\n`;
    await home.writePipeline("spin", `${text}limits: { deadline: 20s }\n`);
    await using _member = await serveGroups(home, "faces");
    await using server = await serve(home);
    const running = server.client.run("spin", PLAIN_PICTURE);
    await until(async () => (await Bun.file(log).text()).startsWith("+"));
    await nats.kill();
    await until(async () => (await server.client.health()).parts.bus?.status !== "ok");
    await writeFile(end, "");
    await nats.start();
    expect(outcome(await running)).toBe("no_face");
    expect((await Bun.file(log).text()).trim().split("\n")).toEqual(["+body", "-body"]);
  }, 60_000);

  test("bytes of strangers go to the dead letters, also what promises more than is taken, and hurt nobody", async () => {
    await using made = await homeOnNats();
    const { home, nats } = made;
    // The dead letters of all processes are in one database here.
    await using _member = await serveGroups(home, "faces");
    await using server = await serve(home, { FACEWIRE_ROLES: "[api]" });
    const { client } = server;
    await until(async () => outcome(await client.run("placed", PLAIN_PICTURE)) === "no_face");
    const groups = (await client.health()).parts.groups?.details ?? {};
    const [member] = (groups.faces as { members: { member: string }[] }).members;
    const subject = `inference.member.${member?.member}.run`;
    const raw = await connect({ servers: nats.url });
    for (const bytes of [new Uint8Array(0), new Uint8Array(100_000).fill(0xff), Buffer.from("GET / HTTP/1.1")]) {
      raw.publish(`facewire.m.${subject}`, bytes);
      raw.publish("facewire.m.inference.hello", bytes);
    }
    await raw.drain();
    const stranger = await openNatsBus({
      url: nats.url,
      prefix: "facewire",
      replicas: 1,
      startTimeoutMs: 5_000,
      onWarning() {},
    });
    const deadline = Date.now() + 10_000;
    const key = contentKey(EMPTY_PLAN);
    const definition = { from: "stranger", key, plan: { ...EMPTY_PLAN }, cards: {}, kinds: {} };
    await stranger.request(subject.replace(/run$/, "define"), definition as unknown as WireRecord, { deadline });
    const slip = { at: "stranger", parcel: "1", bytes: 1e12 };
    const run = { from: "stranger", run: "1", key, within: 10_000, priority: 5, alone: false, task: { slip } };
    expect(await rejection(stranger.request(subject, run, { deadline }))).toMatchObject({
      code: "message_too_large",
    });
    await stranger.close();

    type Letter = { kind: string; address: string; error: { code: string } };
    const letters = async () => (await client.json<{ dead_letters: Letter[] }>("/v1/dead-letters")).body.dead_letters;
    await until(async () => (await letters()).length >= 7);
    const found = (await letters()).map(({ kind, address, error }) => `${kind} ${address} ${error.code}`);
    expect(found).toContain(`message ${subject} message_invalid`);
    expect(found).toContain("message inference.hello message_invalid");
    expect(found).toContain(`message ${subject} message_too_large`);
    expect(outcome(await client.run("placed", PLAIN_PICTURE))).toBe("no_face");
    expect(await members(client)).toBe(1);
  }, 60_000);

  test("a process that gets SIGTERM finishes what it has, takes nothing more and ends with 0", async () => {
    await using made = await homeOnNats();
    const { home } = made;
    const [end, log] = [join(home.dataDir, "end"), join(home.dataDir, "log")];
    await writeFile(log, "");
    const text = `stages:\n  - probe: { does: spin, channel: ${end}, log: ${log} }\n    place: faces\n`;
    await home.writePipeline("spin", `${text}limits: { deadline: 20s }\n`);
    await using leaving = await serveGroups(home, "faces");
    await using server = await serve(home, { FACEWIRE_ROLES: "[api]" });
    const { client } = server;
    const running = client.run("spin", PLAIN_PICTURE);
    await until(async () => (await Bun.file(log).text()).startsWith("+"));
    await using _staying = await serveGroups(home, "faces");
    await until(async () => (await members(client)) === 2);
    leaving.kill("SIGTERM");
    await until(async () => JSON.stringify((await client.health()).parts.groups).includes('"takes_work":false'));
    expect(outcome(await client.run("placed", PLAIN_PICTURE))).toBe("no_face");
    await writeFile(end, "");
    expect(outcome(await running)).toBe("no_face");
    expect(await leaving.ended).toBe(0);
    await until(async () => (await members(client)) === 1);
    expect(server.output()).toContain("process left");
    expect(server.output()).not.toContain("process lost");
  }, 60_000);
});

describe("A process that cannot reach others says why and ends with 1:", () => {
  test("it has one role and no bus", async () => {
    await using home = await makeHome();
    const failing = serveGroups(home, "faces");
    expect((await failing.catch((error: Error) => error.message)).toString()).toContain("error config_invalid: ");
  });

  test("no broker answers in time", async () => {
    await using home = await makeHome();
    const env = { FACEWIRE_BUS: "nats", FACEWIRE_NATS_URL: "nats://127.0.0.1:9", FACEWIRE_NATS_START_TIMEOUT: "300ms" };
    const failing = serveGroups(home, "faces", env);
    expect((await failing.catch((error: Error) => error.message)).toString()).toContain("error bus_unavailable: ");
  });
});
