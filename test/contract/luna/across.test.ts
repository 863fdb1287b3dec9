/** What concerns the API as a whole beside the others of the server: ports, restarts, load, the end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { facewire } from "../../support/cli.ts";
import { MODELS_CACHE } from "../../support/engine.ts";
import { basicOf, LunaClient } from "../../support/luna/client.ts";
import { oneFace, otherFace } from "../../support/luna/faces.ts";
import { newDescriptor, newPerson, SDK_TYPE, sdkFile } from "../../support/luna/objects.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";
import { serve } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { makeHome } from "../../support/test-server.ts";

const PERSONS = "/4/storage/persons";

describe("beside the native API", () => {
  let server: LunaServer;
  beforeAll(async () => {
    server = await startLuna({ shipped: false });
  });
  afterAll(() => server.stop());

  test("X-001 addresses of one are unknown to the other, in the form of errors of the other", async () => {
    for (const path of ["/v1/pipelines", "/health", "/v1/events", "/v1/jobs"]) {
      const { status, body } = await server.get(path);
      expect([path, status, body.error_code]).toEqual([path, 404, 12013]);
    }
    for (const path of ["/4/accounts", "/version", PERSONS, "/4/config", "/healthcheck"]) {
      const { status, body, headers } = await server.server.json<{ error: { code: string } }>(path);
      expect([path, status, body.error.code]).toEqual([path, 404, "not_found"]);
      expect([headers.get("luna-request-id"), headers.get("access-control-allow-origin")]).toEqual([null, null]);
    }
  });

  test("events of an account are not among those of the native API", async () => {
    const { client } = await server.newAccount();
    await newDescriptor(client);
    const { body } = await server.server.json<{ events: unknown[] }>("/v1/events");
    expect(body.events).toEqual([]);
  });

  test("X-010 LUNA-GEN-006 a hundred requests of each kind at once are all answered, each with its own", async () => {
    const { client, basic } = await server.newAccount();
    const hundred = <T>(ask: (at: number) => Promise<T>) =>
      Promise.all(Array.from({ length: 100 }, (_each, at) => ask(at)));
    const persons = await hundred((at) => newPerson(client, { user_data: `person ${at}` }));
    const names = await hundred(async (at) => (await client.get(`${PERSONS}/${persons[at]}`)).body.user_data);
    expect(names).toEqual(persons.map((_id, at) => `person ${at}`));
    const tokens = await hundred(
      async (at) => (await basic.post("/4/account/tokens", { token_data: `t${at}` })).body.token,
    );
    const notes = await hundred(async (at) => (await basic.get(`/4/account/tokens/${tokens[at]}`)).body.token_data);
    expect(notes).toEqual(tokens.map((_token, at) => `t${at}`));
    const descriptors = await hundred(async (at) => {
      const { status, body } = await client.post("/4/storage/descriptors", sdkFile(at + 1), { type: SDK_TYPE });
      expect(status).toBe(201);
      return body.faces[0].id as string;
    });
    const same = await hundred(async (at) => {
      const query = {
        descriptor_id: descriptors[at]!,
        descriptor_ids: `${descriptors[at]},${descriptors[(at + 1) % 100]}`,
      };
      const { body } = await client.post("/4/matching/match", undefined, { query });
      return body.candidates[0].id;
    });
    expect(same).toEqual(descriptors);
    const refusals = await hundred(async (at) => (await client.get(`${PERSONS}/${crypto.randomUUID()}?${at}`)).status);
    expect(new Set(refusals)).toEqual(new Set([404]));
  }, 60_000);
});

test("X-006 a restart keeps accounts, tokens and objects, and resets the counters", async () => {
  const options = {
    shipped: false,
    database: "file",
    settings: { data_dir: temporaryFolder("facewire-luna-"), luna: { metrics: true } },
  } as const;
  const counted = async (server: LunaServer) =>
    new TextDecoder().decode((await server.get("/metrics")).bytes).match(/^request_count_total\{.*$/gm)?.length ?? 0;
  let person = "";
  let descriptor = "";
  let credentials = { token: "" };
  let login = { email: "", password: "" };
  {
    await using first = await startLuna(options);
    const { client, token, email, password } = await first.newAccount();
    credentials = { token };
    login = { email, password };
    person = await newPerson(client, { user_data: "stays" });
    descriptor = await newDescriptor(client);
    await client.patch(`${PERSONS}/${person}/linked_descriptors`, undefined, {
      query: { descriptor_id: descriptor, do: "attach" },
    });
    expect(await counted(first)).toBeGreaterThan(3);
  }
  await using second = await startLuna(options);
  expect(await counted(second)).toBe(0);
  const client = second.as(credentials);
  const found = await client.get(`${PERSONS}/${person}`);
  expect(found.body).toMatchObject({ user_data: "stays", descriptors: [descriptor] });
  expect((await second.as(login).get("/4/account")).status).toBe(200);
  const match = await client.post("/4/matching/verify", undefined, {
    query: { descriptor_id: descriptor, person_id: person },
  });
  expect(match.body.candidates[0].similarity).toBe(1);
});

test("X-011 a stop lets the requests that were taken finish, and takes no more", async () => {
  await using server = await startLuna({ shipped: false });
  const { email, password } = await server.newAccount();
  const gate = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode('{"token_data":'));
      taken.resolve();
      await gate.promise;
      controller.enqueue(new TextEncoder().encode('"late"}'));
      controller.close();
    },
  });
  const answer = fetch(`${server.url}/4/account/tokens`, {
    method: "POST",
    body,
    headers: { authorization: basicOf(`${email}:${password}`), "content-type": "application/json" },
  });
  await taken.promise;
  while (!(await server.server.fetch("/metrics").then((each) => each.text())).match(/facewire_http_requests_open 2/)) {
    await Bun.sleep(1);
  }
  const stopped = server.server.app.stop(10_000);
  gate.resolve();
  expect((await answer).status).toBe(201);
  await stopped;
  expect(await fetch(`${server.url}/version`).catch(() => "refused")).toBe("refused");
});

test("X-007 LUNA-GEN-008 a picture gets the same verdict on liveness here and through the native API", async () => {
  await using server = await startLuna({
    shipped: ["luna-liveness"],
    settings: { models_cache: MODELS_CACHE },
  });
  const { client } = await server.newAccount();
  const words = ["spoof", "live"];
  const verdicts: string[] = [];
  for (const picture of [await oneFace(), await otherFace()]) {
    const native = await server.server.run("luna-liveness", picture);
    const { liveness } = native.items[0]!.faces[0]!;
    const { status, body, headers } = await client.call("POST", "/4/liveness", { body: picture, type: "image/jpeg" });
    expect(status).toBe(200);
    expect(headers.get("luna-request-id")).toBeTruthy();
    const { prediction, estimations } = body.images[0].liveness;
    // The native API may say that it is not sure; this one has to say one or the other.
    if (liveness!.prediction !== "unknown") expect(liveness!.prediction).toBe(words[prediction] as "live");
    verdicts.push(liveness!.prediction!);
    expect(estimations.probability).toBeCloseTo(liveness!.probability!, 3);
  }
  expect(verdicts).toContain("live");
}, 60_000);

test("X-004 a server that enrols, searches and judges pictures connects to nobody", async () => {
  await using home = await makeHome({}, ["luna-extract", "luna-liveness", "luna-warp"]);
  await using process = await serve(home, { FACEWIRE_LISTEN_LUNA: "127.0.0.1:0" });
  while (!/LUNA API listens on (\S+)/.test(process.output())) await Bun.sleep(5);
  const [, url = ""] = /LUNA API listens on (\S+)/.exec(process.output())!;
  const { client } = await new LunaClient(url).newAccount();
  const before = await foreignSockets(process.pid, [url, process.client.url]);
  const picture = await oneFace();
  const enrolled = await client.call("POST", "/4/storage/descriptors", { body: picture, type: "image/jpeg" });
  expect(enrolled.status).toBe(201);
  const query = { descriptor_ids: enrolled.body.faces[0].id };
  expect((await client.call("POST", "/4/matching/search", { body: picture, type: "image/jpeg", query })).status).toBe(
    201,
  );
  expect((await client.call("POST", "/4/liveness", { body: picture, type: "image/jpeg" })).status).toBe(200);
  expect([...before, ...(await foreignSockets(process.pid, [url, process.client.url]))]).toEqual([]);
}, 60_000);

/** Connections of a process that did not come in at one of its ports, also those that ended a short while ago. */
async function foreignSockets(pid: number, urls: readonly string[]): Promise<readonly string[]> {
  const own = new Set(urls.map((url) => Number(new URL(url).port)));
  const { readdir, readlink, readFile } = await import("node:fs/promises");
  const inodes = new Set<string>();
  for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
    const link = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    if (inode) inodes.add(inode);
  }
  const foreign: string[] = [];
  for (const table of ["tcp", "tcp6", "udp", "udp6"]) {
    const lines = (await readFile(`/proc/${pid}/net/${table}`, "utf8")).trim().split("\n").slice(1);
    for (const line of lines) {
      const columns = line.trim().split(/\s+/);
      const [local = "", remote = ""] = columns.slice(1, 3);
      const port = Number.parseInt(local.split(":")[1] ?? "", 16);
      if (inodes.has(columns[9] ?? "") && !own.has(port)) foreign.push(`${table} ${local} ${remote}`);
    }
  }
  return foreign;
}

test("an account is made, listed, suspended, resumed and removed by command while the server runs", async () => {
  const folder = temporaryFolder("facewire-luna-");
  await using server = await startLuna({ shipped: false, database: "file", settings: { data_dir: folder } });
  const { client, basic, email, token } = await server.newAccount();
  const run = (...words: readonly string[]) => facewire(["accounts", ...words], { env: { FACEWIRE_DATA_DIR: folder } });
  expect((await client.get(PERSONS)).status).toBe(200);
  const listed = await run("list");
  expect(listed).toMatchObject({ code: 0 });
  expect(listed.stdout).toMatch(new RegExp(`^[0-9a-f-]{36}  ${email}  Example +in force `, "m"));
  expect(listed.stdout).not.toContain(token);

  expect((await run("suspend", email.toUpperCase())).code).toBe(0);
  for (const who of [client, basic]) expect((await who.get(PERSONS)).body.error_code).toBe(11004);
  expect((await run("list")).stdout).toContain("suspended");
  const id = /^([0-9a-f-]{36}) {2}/m.exec(listed.stdout)![1]!;
  expect((await run("resume", id)).code).toBe(0);
  for (const who of [client, basic]) expect((await who.get(PERSONS)).status).toBe(200);

  const made = await run("create", "by.command@example.org", "--organization", "Example");
  expect(made.code).toBe(0);
  const password = made.stderr.trim().split(" ").at(-1)!;
  for (const who of [{ token: made.stdout.trim() }, { email: "by.command@example.org", password }]) {
    expect((await server.as(who).get(PERSONS)).status).toBe(200);
  }
  expect((await run("create", "by.command@example.org")).code).toBe(2);
  expect((await run("create", "no address")).code).toBe(2);

  expect((await run("remove", email)).code).toBe(0);
  for (const who of [client, basic]) expect((await who.get(PERSONS)).body.error_code).toBe(11002);
  const again = await run("remove", email);
  expect([again.code, again.stderr]).toEqual([
    1,
    `error not_found: There is no account ${email}; see facewire accounts list.\n`,
  ]);
  // The address is free again.
  await server.newAccount({ email });
}, 60_000);
