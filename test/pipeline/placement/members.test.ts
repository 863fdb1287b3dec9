import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { memberSubject } from "../../../src/pipeline/placement/messages.ts";
import type { RunResult } from "../../../src/pipeline/results.ts";
import { PLAIN_PICTURE } from "../../support/engine.ts";
import { hasNatsServer } from "../../support/nats-server.ts";
import { ProbeChannel } from "../../support/probe.ts";
import { eventually, rejection } from "../../support/settle.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { type Exchange, memoryExchange, oneFile, ownNats, startApi, startMember, twice } from "./cluster.ts";

// Each test starts several sets of workers, which takes seconds on a busy machine.
setDefaultTimeout(30_000);

const FREE = "stages:\n  - probe: {}\n    place: faces\n";
const held = (probe: ProbeChannel, deadline = "20s") =>
  `stages:\n  - probe: { does: hold, channel: ${probe.name} }\n    place: faces\nlimits: { deadline: ${deadline} }\n`;
const MODELS = join(import.meta.dir, "../../../models");

function statuses(results: readonly RunResult[]): string[] {
  return results.flatMap(({ items }) => items.map(({ status, error }) => error?.code ?? status));
}

function logFile(): { path: string; lines: () => string[] } {
  const path = join(temporaryFolder("facewire-placement-"), "log");
  return { path, lines: () => (existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : []) };
}

const exchanges: [string, boolean, () => Promise<Exchange>][] = [
  ["the bus in memory", true, async () => memoryExchange()],
  ["a bus that delivers everything twice", true, async () => twice(memoryExchange())],
  ["NATS", hasNatsServer(), () => ownNats("members")],
];

describe.each(exchanges)("over %s", (_name, there, make) => {
  const when = test.skipIf(!there);

  when("the processes of a group share its work", async () => {
    using probe = new ProbeChannel();
    await using exchange = await make();
    await using one = await startMember(exchange);
    await using two = await startMember(exchange);
    await using api = await startApi(exchange, { held: held(probe) });
    await eventually(() => api.groups.counts().faces === 2);
    const running = Array.from({ length: 4 }, (_, i) => api.run("held", oneFile(`${i}`, PLAIN_PICTURE)));
    await probe.holds(4);
    expect([one.member.inHand, two.member.inHand]).toEqual([2, 2]);
    probe.releaseAll();
    expect(statuses(await Promise.all(running))).toEqual(Array(4).fill("no_face"));
    expect(api.sent.get("faces")).toBe(4);
  });

  when("a process that joins takes its part of what waits", async () => {
    using probe = new ProbeChannel();
    await using exchange = await make();
    await using _one = await startMember(exchange);
    await using api = await startApi(exchange, { held: held(probe) });
    const running = Array.from({ length: 6 }, (_, i) => api.run("held", oneFile(`${i}`, PLAIN_PICTURE)));
    await probe.holds(2);
    await using two = await startMember(exchange);
    await probe.holds(4);
    expect(two.member.inHand).toBeGreaterThanOrEqual(2);
    for (const name of ["0", "1", "2", "3", "4", "5"]) {
      await eventually(() => probe.held.includes(name));
      probe.release(name);
    }
    expect(statuses(await Promise.all(running))).toEqual(Array(6).fill("no_face"));
  });

  when("a process that leaves finishes what it has and gets nothing more", async () => {
    using probe = new ProbeChannel();
    await using exchange = await make();
    await using one = await startMember(exchange);
    await using api = await startApi(exchange, { held: held(probe), free: FREE });
    const running = api.run("held", oneFile("last", PLAIN_PICTURE));
    await probe.holds(1);
    await using two = await startMember(exchange);
    await eventually(() => api.groups.counts().faces === 2);
    const leaving = one.leave();
    const log = logFile();
    await api.write("logged", `stages:\n  - probe: { log: ${log.path} }\n    place: faces\n`);
    await eventually(() => api.engine.pipelines().some(({ name, status }) => name === "logged" && status === "ok"));
    expect(statuses(await Promise.all([api.run("logged"), api.run("free")]))).toEqual(["no_face", "no_face"]);
    expect(one.member.inHand).toBe(1);
    probe.releaseAll();
    expect(statuses([await running])).toEqual(["no_face"]);
    await leaving;
    await eventually(() => api.groups.counts().faces === 1);
    expect(api.told).toContain(`left ${one.id}`);
    expect(api.told.some((line) => line.startsWith("lost"))).toBe(false);
    expect(two.member.inHand).toBe(0);
  });

  when("a request that is no longer wanted is given up in the other process", async () => {
    using probe = new ProbeChannel();
    await using exchange = await make();
    await using member = await startMember(exchange);
    await using api = await startApi(exchange, { held: held(probe), free: FREE });
    const caller = new AbortController();
    const running = api.run("held", { signal: caller.signal });
    await probe.holds(1);
    caller.abort();
    expect(await rejection(running)).toMatchObject({ code: "request_cancelled" });
    await eventually(() => member.member.inHand === 0);
    await eventually(() => api.groups.scheduler("faces").unfinished === 0);
    probe.releaseAll();
    expect(statuses([await api.run("free")])).toEqual(["no_face"]);
  });

  when(
    "a worker that dies elsewhere is one try of an item, and the last one goes to the dead letters here",
    async () => {
      await using exchange = await make();
      await using member = await startMember(exchange);
      const marker = join(temporaryFolder("facewire-placement-"), "died");
      await using api = await startApi(exchange, {
        once: `stages:\n  - probe: { does: exit, once: ${marker} }\n    place: faces\n`,
        deadly: "stages:\n  - probe: { does: exit }\n    place: faces\nlimits: { deadline: 30s }\n",
        faulty: "stages:\n  - probe: { does: throw }\n    place: faces\n",
      });
      expect(statuses([await api.run("once")])).toEqual(["no_face"]);
      expect(api.reports.at(-1)).toMatchObject({ attempts: 2 });
      expect(statuses([await api.run("deadly"), await api.run("faulty")])).toEqual(["worker_failed", "stage_failed"]);
      expect(api.letters.map(({ cause, attempts }) => [cause.code, attempts])).toEqual([
        ["worker_failed", 3],
        ["stage_failed", 3],
      ]);
      expect(api.letters[1]?.internal).toContain("the probe was told to throw");
      expect(member.letters).toEqual([]);
    },
    20_000,
  );

  when("a pipeline is refused with the reason where no process of the group can run it", async () => {
    await using exchange = await make();
    await using api = await startApi(exchange, { free: FREE, own: "stages: [probe]\n" });
    expect(await rejection(api.run("free"))).toMatchObject({
      code: "group_unavailable",
      details: { group: "faces", retry_after_s: 1, members: {} },
    });
    expect(statuses([await api.run("own")])).toEqual(["no_face"]);
    expect(api.engine.health().groups).toMatchObject({ status: "degraded", details: { faces: { members: [] } } });
    await using member = await startMember(exchange, { stageFiles: [] });
    await eventually(() => api.told.some((line) => line.startsWith(`refused ${member.id} free`)));
    const refused = await rejection(api.run("free"));
    expect(refused.code).toBe("group_unavailable");
    expect(JSON.stringify(refused.details)).toContain("no stage kind probe");
    expect(api.engine.health().groups?.message).toContain("no stage kind probe");
  });

  when("a process that is a member itself keeps its own work while a thread is free, and shares the rest", async () => {
    using probe = new ProbeChannel();
    await using exchange = await make();
    await using other = await startMember(exchange);
    await using api = await startApi(exchange, { held: held(probe) }, { joins: ["faces"] });
    await eventually(() => api.groups.counts().faces === 2);
    const hands = () => {
      const details = (api.engine.health().groups?.details ?? {}) as {
        faces: { members: { here?: true; in_hand: number }[] };
      };
      return details.faces.members.map(({ here = false, in_hand }) => [here, in_hand]).sort();
    };
    const first = api.run("held", oneFile("first", PLAIN_PICTURE));
    await probe.holds(1);
    expect(hands()).toEqual([
      [false, 0],
      [true, 1],
    ]);
    const rest = ["second", "third", "fourth"].map((name) => api.run("held", oneFile(name, PLAIN_PICTURE)));
    await probe.holds(4);
    expect(hands()).toEqual([
      [false, 2],
      [true, 2],
    ]);
    expect(other.member.inHand).toBe(2);
    probe.releaseAll();
    expect(statuses(await Promise.all([first, ...rest]))).toEqual(Array(4).fill("no_face"));
  });

  when("a message that cannot be read is refused, goes to the dead letters and hurts nobody", async () => {
    await using exchange = await make();
    await using member = await startMember(exchange);
    await using api = await startApi(exchange, { free: FREE });
    const stranger = await exchange.open();
    const deadline = Date.now() + 5_000;
    const refusal = (verb: "run" | "define", body: Parameters<typeof stranger.request>[1]) =>
      rejection(stranger.request(memberSubject(member.id, verb), body, { deadline }));
    for (const body of [null, 7, "text", {}, { run: "x" }, [{ from: 1 }], new Uint8Array(9)]) {
      expect(await refusal("run", body)).toMatchObject({ code: "message_invalid" });
    }
    const told = { from: "s", key: "k", plan: { name: "x" }, cards: {}, kinds: {} };
    expect(await refusal("define", told)).toMatchObject({ code: "message_invalid" });
    stranger.publish("inference.hello", { member: "../../etc", groups: "faces" });
    stranger.publish("inference.who", "me");
    await eventually(() => api.letters.length > 0 && member.letters.length >= 9);
    expect(member.letters[0]).toMatchObject({ kind: "message", cause: { code: "message_invalid" }, attempts: 1 });
    expect(api.letters[0]).toMatchObject({ address: "inference.hello", cause: { code: "message_invalid" } });
    expect(statuses([await api.run("free")])).toEqual(["no_face"]);
    expect(api.groups.counts()).toEqual({ faces: 1 });
  });
});

test("an item is worked on once however often its messages arrive", async () => {
  await using exchange = twice(memoryExchange({ maxMessageBytes: 16 * 1024 }));
  await using _member = await startMember(exchange);
  const log = logFile();
  await using api = await startApi(exchange, {
    logged: `stages:\n  - probe: { log: ${log.path} }\n    place: faces\n`,
  });
  // Larger than a message, so that its pieces come twice too.
  const large = new Uint8Array(Buffer.concat([Buffer.from("P5 200 200 255\n"), Buffer.alloc(40_000, 90)]));
  const files = ["a", "b", "c"].map((name) => ({ name, bytes: large }));
  expect(statuses([await api.run("logged", { files })])).toEqual(["no_face", "no_face", "no_face"]);
  expect(log.lines().sort()).toEqual(["+a", "+b", "+c", "-a", "-b", "-c"]);
  expect(api.reports.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
});

test("an item larger than is sent on is refused with message_too_large and kept as a dead letter", async () => {
  await using exchange = memoryExchange();
  await using _member = await startMember(exchange);
  await using api = await startApi(exchange, { free: FREE });
  const [result] = (await api.run("free", oneFile("huge", new Uint8Array(30e6).fill(65)))).items;
  expect(result?.error).toMatchObject({ code: "message_too_large", details: { limit: 24e6 } });
  expect(api.letters.map(({ cause, kind }) => [cause.code, kind])).toEqual([["message_too_large", "item"]]);
});

test("a process with another model card of the same name does not run the pipeline", async () => {
  const modelsDir = temporaryFolder("facewire-cards-");
  await cp(MODELS, modelsDir, { recursive: true });
  const card = join(modelsDir, "ultraface-320.yaml");
  await writeFile(card, (await readFile(card, "utf8")).replace(/version: .*/, "version: '0'"));
  await using exchange = memoryExchange();
  await using api = await startApi(exchange, { faces: "stages:\n  - detect: {}\n    place: faces\n" });
  await using other = await startMember(exchange, { modelsDir });
  await eventually(() => api.told.some((line) => line.startsWith("refused")));
  expect(api.told.at(-1)).toContain("the model card ultraface-320 is another one here");
  expect(await rejection(api.run("faces"))).toMatchObject({ code: "group_unavailable" });
  await using _same = await startMember(exchange);
  await eventually(() => api.groups.counts().faces === 2);
  expect(statuses([await api.run("faces")])).toEqual(["no_face"]);
  expect(other.member.inHand).toBe(0);
}, 15_000);

test("a pool that a stage needs must be there", async () => {
  await using exchange = memoryExchange();
  await using api = await startApi(exchange, {
    pooled: "stages:\n  - probe: {}\n    place: faces\n    pool: default\n    slots: 2\n",
  });
  await using _other = await startMember(exchange, { pools: { default: { slots: 1, queue: 1 } } });
  await eventually(() => api.told.some((line) => line.includes("no pool default with 2 slots")));
});

test("a process without room says so and the item goes to another, or waits", async () => {
  using probe = new ProbeChannel();
  await using exchange = memoryExchange();
  await using narrow = await startMember(exchange, { maxWaiting: 1 });
  await using api = await startApi(exchange, { held: held(probe) });
  await using rival = await startApi(exchange, { held: held(probe) });
  const names = ["a", "b", "c", "d", "e", "f"];
  const running = names.flatMap((name) => [
    api.run("held", oneFile(name, PLAIN_PICTURE)),
    rival.run("held", oneFile(name.toUpperCase(), PLAIN_PICTURE)),
  ]);
  const all = names.flatMap((name) => [name, name.toUpperCase()]);
  const letGo = new Set<string>();
  while (letGo.size < all.length) {
    await probe.holds(letGo.size + 1);
    expect(narrow.local.scheduler.waiting).toBeLessThanOrEqual(1);
    for (const name of probe.held) {
      if (!letGo.has(name)) probe.release(name);
      letGo.add(name);
    }
  }
  expect(statuses(await Promise.all(running))).toEqual(Array(12).fill("no_face"));
}, 20_000);

test("what was wanted of a group is dropped there when nobody wants it any more", async () => {
  await using exchange = memoryExchange();
  await using member = await startMember(exchange);
  await using api = await startApi(exchange, { free: FREE });
  expect(statuses([await api.run("free")])).toEqual(["no_face"]);
  expect(member.member.held).toHaveLength(1);
  {
    await using other = await startApi(exchange, { free: FREE });
    expect(statuses([await other.run("free")])).toEqual(["no_face"]);
    expect(member.member.held).toHaveLength(1);
  }
  expect(statuses([await api.run("free")])).toEqual(["no_face"]);
  await api.remove("free");
  await eventually(() => member.member.held.length === 0);
});

test.skipIf(!hasNatsServer())(
  "without the bus a process goes on with what it can do itself",
  async () => {
    await using exchange = await ownNats("alone");
    await using api = await startApi(exchange, { free: FREE, far: FREE.replace("faces", "far") }, { joins: ["faces"] });
    await using _far = await startMember(exchange, { groups: ["far"] });
    await eventually(() => api.groups.counts().far === 1);
    expect(statuses([await api.run("free"), await api.run("far")])).toEqual(["no_face", "no_face"]);
    await exchange.server.kill();
    await eventually(() => api.bus.status.kind !== "connected");
    expect(statuses([await api.run("free")])).toEqual(["no_face"]);
    expect(await rejection(api.run("far"))).toMatchObject({ code: "bus_unavailable", details: { retry_after_s: 1 } });
    expect(api.engine.health().bus).toMatchObject({ status: "degraded" });
    await exchange.server.start();
    await eventually(() => api.bus.status.kind === "connected");
    expect(statuses([await api.run("far")])).toEqual(["no_face"]);
    expect(api.told.some((line) => line.startsWith("lost"))).toBe(false);
  },
  20_000,
);

test.skipIf(!hasNatsServer())(
  "what a process wanted that is gone without a word is dropped after a while",
  async () => {
    await using exchange = await ownNats("orphans");
    await using member = await startMember(exchange, { ownerPatienceMs: 1_500 });
    const api = await startApi(exchange, { free: FREE });
    expect(statuses([await api.run("free")])).toEqual(["no_face"]);
    await Bun.sleep(2_000);
    expect(member.member.held).toHaveLength(1);
    await api.bus.close();
    await eventually(() => member.member.held.length === 0, "its plan is dropped", 5_000);
    await api[Symbol.asyncDispose]();
  },
  20_000,
);

test("a process that ends while it takes a pipeline up holds nobody back", async () => {
  await using exchange = memoryExchange();
  const stranger = await exchange.open();
  const member = "never-answers";
  const asked = Promise.withResolvers<void>();
  const listening = await stranger.subscribe(memberSubject(member, "*"), ({ subject, responder }) => {
    if (subject.endsWith("define")) asked.resolve();
    if (subject.endsWith("alive")) responder?.answer(null);
  });
  await using api = await startApi(exchange, { own: "stages: [probe]\n" });
  const hello = { member, host: "h", pid: 1, groups: ["faces"], threads: 1, itemsPerThread: 1, leaving: false };
  stranger.publish("inference.hello", hello);
  await eventually(() => api.told.includes(`joined ${member}`));
  await api.write("free", FREE);
  await asked.promise;
  listening.close();
  await eventually(() => api.engine.pipelines().length === 2);
  expect(await rejection(api.run("free"))).toMatchObject({ code: "group_unavailable" });
});
