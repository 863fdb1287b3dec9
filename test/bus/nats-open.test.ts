/** Opening the bus over NATS, and what strangers on its server can do. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { connect, type NatsConnection, type ServerInfo } from "nats";
import { readAddresses } from "../../src/bus/nats/addresses.ts";
import { writeMessage } from "../../src/bus/nats/envelope.ts";
import type { MalformedReport } from "../../src/bus/nats/malformed.ts";
import { openNatsBus } from "../../src/bus/nats/open.ts";
import { pack } from "../../src/bus/nats/packed.ts";
import { checkServer } from "../../src/bus/nats/server-check.ts";
import { NO_HEADERS, type WireValue } from "../../src/bus/wire.ts";
import { NatsBuses } from "../support/nats-bus.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { eventually, rejection } from "../support/settle.ts";
import { thrownBy } from "../support/thrown.ts";

const soon = (): number => Date.now() + 5000;

describe("the address of a NATS server", () => {
  test.each([
    ["nats://broker", { servers: ["broker:4222"], tls: false }],
    ["nats://a:1,nats://b:2", { servers: ["a:1", "b:2"], tls: false }],
    ["tls://[::1]:4443", { servers: ["[::1]:4443"], tls: true }],
    ["nats://u%40x:p%3Aw@h", { servers: ["h:4222"], tls: false, user: "u@x", pass: "p:w" }],
    ["nats://secret@h:1", { servers: ["h:1"], tls: false, token: "secret" }],
  ])("%s is understood", (url, expected) => {
    expect(readAddresses(url)).toEqual(expected as ReturnType<typeof readAddresses>);
  });

  test("a token of its own setting goes before what the address says", () => {
    expect(readAddresses("nats://u:p@h", "token")).toEqual({ servers: ["h:4222"], tls: false, token: "token" });
  });

  test.each(["http://h", "nats://", "h:4222", "nats://h:99999", ""])(
    "%j is refused with config_invalid",
    async (url) => {
      expect(await thrownBy(() => readAddresses(url))).toMatchObject({ code: "config_invalid" });
    },
  );

  test("an address that is refused is not repeated: a password may be in it", async () => {
    expect(JSON.stringify(await thrownBy(() => readAddresses("nat://user:geheim@h")))).not.toContain("geheim");
  });
});

describe.skipIf(!hasNatsServer())("opening the bus over NATS", () => {
  test("a server that comes up late is waited for; one that does not is told with its address and no secret", async () => {
    const first = await startNatsServer({ jetstream: false });
    await first.stop();
    const url = first.url.replace("//", "//user:geheim@");
    const options = { url, prefix: "p", replicas: 1, onWarning: () => {} };
    const error = await rejection(openNatsBus({ ...options, startTimeoutMs: 300 }));
    expect(error).toMatchObject({ code: "bus_unavailable", details: { servers: [`127.0.0.1:${first.port}`] } });
    expect(JSON.stringify(error) + error.message).not.toContain("geheim");
    const opening = openNatsBus({ ...options, startTimeoutMs: 10_000 });
    await first.start();
    const bus = await opening;
    expect(bus.status.kind).toBe("connected");
    await bus.close();
    await first.stop();
  });

  test("a wrong token is told at once, long before the time to start is over, and a right one opens", async () => {
    await using server = await startNatsServer({ jetstream: false, token: "geheim" });
    const options = { url: server.url, prefix: "p", replicas: 1, startTimeoutMs: 60_000, onWarning: () => {} };
    for (const token of [undefined, "falsch"]) {
      const error = await rejection(openNatsBus({ ...options, ...(token !== undefined && { token }) }));
      expect(error).toMatchObject({ code: "bus_unavailable", message: expect.stringContaining("refuses") });
      expect(JSON.stringify(error)).not.toContain("falsch");
    }
    const bus = await openNatsBus({ ...options, token: "geheim" });
    expect(JSON.stringify(bus.status)).not.toContain("geheim");
    await bus.close();
  });

  test("without JetStream messages and requests work, and work queues say what is missing", async () => {
    await using server = await startNatsServer({ jetstream: false });
    const warned = Promise.withResolvers<string>();
    const bus = await openNatsBus({
      url: server.url,
      prefix: "p",
      replicas: 1,
      startTimeoutMs: 5000,
      onWarning: warned.resolve,
    });
    await bus.subscribe("a", ({ responder }) => responder?.answer("here"));
    expect(await bus.request("a", 1, { deadline: soon() })).toBe("here");
    const calls = [bus.enqueue("q", 1), bus.consume("q", async () => {}, { onDeadLetter: () => {} })];
    for (const call of calls) {
      expect(await rejection(call)).toMatchObject({
        code: "bus_unavailable",
        message: expect.stringContaining("JetStream"),
      });
    }
    expect(bus.stats().consumers).toBe(0);
    expect(await warned.promise).toContain("without JetStream");
    await bus.close();
  });

  test("what the server forbids is told once for each way, with the subject and the prefix", async () => {
    await using server = await startNatsServer({ jetstream: false, allowed: ["theirs.>"] });
    const url = server.url.replace("//", "//u:p@");
    const warned: string[] = [];
    const onWarning = (message: string): number => warned.push(message);
    const open = (prefix: string) => openNatsBus({ url, prefix, replicas: 1, startTimeoutMs: 5000, onWarning });
    const right = await open("theirs");
    await right.subscribe("a", () => {});
    await right.publish("a", 1);
    await right.close();
    const told = () => warned.filter((message) => message.includes("does not let"));
    expect(told()).toEqual([]);
    const wrong = await open("ours");
    for (let times = 0; times < 2; times++) {
      await wrong.subscribe("a", () => {}).catch(() => {});
      await Promise.resolve(wrong.publish("a", 1)).catch(() => {});
    }
    await eventually(() => told().length === 2);
    expect(told().join()).toMatch(/subscribe to ours\.[\s\S]*publish to ours\./);
    expect(told().join()).toContain("nats.prefix (ours)");
    await wrong.close();
  });

  test("the largest message follows the server's, and still passes as request, answer and work", async () => {
    await using server = await startNatsServer({ maxPayload: 8 * 1024 * 1024 });
    const options = { url: server.url, prefix: "p", replicas: 1, startTimeoutMs: 5000, onWarning: () => {} };
    const bus = await openNatsBus(options);
    expect(bus.maxMessageBytes).toBeGreaterThan(8_000_000);
    const largest = new Uint8Array(bus.maxMessageBytes - 10);
    await bus.subscribe("a", ({ body, responder }) => responder?.answer(body));
    expect(((await bus.request("a", largest, { deadline: soon() })) as Uint8Array).length).toBe(largest.length);
    const got = Promise.withResolvers<WireValue>();
    await bus.enqueue("q", largest, { id: "x".repeat(128), key: "k".repeat(64) });
    await bus.consume("q", async ({ body }) => got.resolve(body), { onDeadLetter: () => {} });
    expect(((await got.promise) as Uint8Array).length).toBe(largest.length);
    const endless = { id: "x".repeat(2000) };
    expect((await rejection(bus.enqueue("q", largest, endless))).code).toBe("message_too_large");
    await bus.close();
  });

  test("a server whose store has no room refuses work with overloaded", async () => {
    await using server = await startNatsServer({ maxStore: 64 * 1024 });
    const options = { url: server.url, prefix: "p", replicas: 1, startTimeoutMs: 5000, onWarning: () => {} };
    const bus = await openNatsBus(options);
    const fill = async (): Promise<void> => {
      for (let pieces = 0; pieces < 10; pieces++) await bus.enqueue("q", new Uint8Array(40_000));
    };
    expect((await rejection(fill())).code).toBe("overloaded");
    await bus.close();
  });

  test("copies that a lone server cannot keep are told in the server's words", async () => {
    await using server = await startNatsServer();
    const bus = await openNatsBus({
      url: server.url,
      prefix: "p",
      replicas: 3,
      startTimeoutMs: 5000,
      onWarning: () => {},
    });
    expect(await rejection(bus.enqueue("q", 1))).toMatchObject({
      code: "bus_unavailable",
      details: { queue: "q", server: expect.stringContaining("replicas") },
    });
    await bus.close();
  });
});

describe("what is said about a server at the start", () => {
  const info = (version: string, jetstream = true) => ({ version, jetstream, server_id: "ID" }) as ServerInfo;
  const never = new AbortController().signal;

  /** Stands in for the monitoring of a server that is not installed here. */
  function monitoring(varz: unknown) {
    return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(varz) });
  }

  async function warnings(version: string, varz: unknown): Promise<string> {
    const server = monitoring(varz);
    try {
      const all = await checkServer(info(version), "127.0.0.1", never, server.port);
      return all.map(({ message }) => message).join("\n");
    } finally {
      await server.stop(true);
    }
  }

  test("nothing about one that writes at once", async () => {
    const config = { sync_always: true, sync_interval: 120e9 };
    expect(await warnings("2.10.20", { server_id: "ID", jetstream: { config } })).toBe("");
  });

  test("that it writes late, and what to set", async () => {
    const varz = { server_id: "ID", jetstream: { config: { sync_interval: 120e9 } } };
    expect(await warnings("2.11.4", varz)).toMatch(/late.*sync_interval: always/);
  });

  test("that it is old, whatever its monitoring says", async () => {
    expect(await warnings("2.9.10", {})).toMatch(/old \(2\.9\.10\).*2\.10 or newer/);
  });

  test("that it could not be found out: without monitoring, and when another server answers there", async () => {
    expect(await warnings("2.10.20", { server_id: "OTHER", jetstream: { config: { sync_always: true } } })).toContain(
      "could not be found out",
    );
    const [warning] = await checkServer(info("2.10.20"), "127.0.0.1", never, 1);
    expect(warning?.message).toContain("could not be found out");
  });
});

describe.skipIf(!hasNatsServer())("strangers on the server of the bus", () => {
  let server: NatsServer;
  let stranger: NatsConnection;
  const buses = new NatsBuses(() => server);

  beforeAll(async () => {
    server = await startNatsServer();
    stranger = await connect({ servers: `127.0.0.1:${server.port}` });
  });
  afterEach(() => buses.closeAll());
  afterAll(async () => {
    await stranger?.close();
    await server?.stop();
  });

  /** A bus that listens on everything and keeps what it gets and what it cannot read. */
  async function listening() {
    const reports: MalformedReport[] = [];
    const got: WireValue[] = [];
    const bus = await buses.open({ onMalformed: (report) => void reports.push(report) });
    await bus.subscribe(">", ({ body }) => void got.push(body));
    return { bus, reports, got };
  }

  test("garbage is counted and reported with its bytes, and messages after it arrive", async () => {
    const { bus, reports, got } = await listening();
    const garbage = ["", "text", "\u0000\u00ff", "{}", "\xdd\xff\xff\xff\xff"];
    for (const one of garbage) stranger.publish(`${buses.prefix}.m.topic`, one);
    stranger.publish(`${buses.prefix}.m.$odd`, writeMessage({ id: "i", headers: NO_HEADERS, body: 1 }));
    await stranger.flush();
    bus.publish("topic", "good");
    await eventually(() => got.length > 0);
    expect(got).toEqual(["good"]);
    expect(bus.stats().malformed).toBe(garbage.length + 1);
    expect(reports.map(({ payload }) => Buffer.from(payload).toString()).slice(0, -1)).toEqual(garbage);
    expect(reports[1]).toMatchObject({ kind: "message", subject: "topic", error: { code: "message_invalid" } });
  });

  test("a message larger than the bus sends itself is reported as message_too_large", async () => {
    const { bus, reports } = await listening();
    // Within what the server carries, but every value of it would take a place in memory.
    stranger.publish(`${buses.prefix}.m.topic`, pack([1, "id", null, Array(500_000).fill(null)]));
    await eventually(() => reports.length > 0);
    expect(reports[0]?.error.code).toBe("message_too_large");
    expect(bus.stats().malformed).toBe(1);
  });

  test("whoever asks in a way that cannot be read is refused, and does not wait", async () => {
    await listening();
    const answer = await stranger.request(`${buses.prefix}.m.topic`, "garbage", { timeout: 3000 });
    expect(Buffer.from(answer.data).toString("latin1")).toContain("message_invalid");
  });

  test("an answer that cannot be read ends its request with message_invalid", async () => {
    const reports: MalformedReport[] = [];
    const bus = await buses.open({ onMalformed: (report) => void reports.push(report) });
    const replier = stranger.subscribe(`${buses.prefix}.m.topic`, {
      callback: (_, message) => message.respond("garbage"),
    });
    await stranger.flush();
    expect((await rejection(bus.request("topic", 1, { deadline: soon() }))).code).toBe("message_invalid");
    expect(reports).toMatchObject([{ kind: "answer" }]);
    replier.unsubscribe();
  });

  test("a taker of reports that fails harms nothing", async () => {
    const bus = await buses.open({
      onMalformed: () => {
        throw new Error("the store is away");
      },
    });
    const got: WireValue[] = [];
    await bus.subscribe("topic", ({ body }) => void got.push(body));
    stranger.publish(`${buses.prefix}.m.topic`, "garbage");
    await stranger.flush();
    bus.publish("topic", "good");
    await eventually(() => got.length > 0);
    expect(bus.stats().malformed).toBe(1);
  });

  test("installations with different prefixes share a server without meeting", async () => {
    const { bus, got } = await listening();
    buses.next();
    const other = await buses.open();
    other.publish("topic", "theirs");
    await other.enqueue("q", "theirs");
    await other.flush();
    bus.publish("topic", "ours");
    await bus.consume("q", async ({ body }) => void got.push(body), { onDeadLetter: () => {} });
    await bus.enqueue("q", "our work");
    await eventually(() => got.length >= 2);
    expect(got).toEqual(["ours", "our work"]);
    expect((await rejection(other.request("topic", 1, { deadline: soon() }))).code).toBe("no_receiver");
  });
});
