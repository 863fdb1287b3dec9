/** Who may use a server beyond loopback: tokens made by the command line, roles over HTTP, and no secret in the logs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ApiClient } from "../support/api-client.ts";
import { facewire } from "../support/cli.ts";
import { type ServerProcess, serve } from "../support/server-process.ts";
import { rejection } from "../support/settle.ts";
import { type Home, makeHome } from "../support/test-server.ts";

const EVERYWHERE = { FACEWIRE_LISTEN_NATIVE: "0.0.0.0:0", FACEWIRE_LOG_LEVEL: "trace" };

interface Token {
  readonly id: string;
  readonly secret: string;
}

async function createToken(home: Home, role: string): Promise<Token> {
  const { code, stdout, stderr } = await facewire(["tokens", "create", "--role", role, "--name", `the ${role} one`], {
    env: home.env,
  });
  expect(code).toBe(0);
  return { secret: stdout.trim(), id: /Token (\S+) of role/.exec(stderr)?.[1] ?? "" };
}

test("beyond loopback the server does not start without a token: listen_unsafe, and what to do", async () => {
  await using home = await makeHome();
  const { message } = await rejection(serve(home, EVERYWHERE));
  expect(message).toContain("ended with 1");
  expect(message).toContain("error listen_unsafe");
  expect(message).toContain("facewire tokens create");
});

describe("Beyond loopback, with tokens, the server", () => {
  let home: Home;
  let server: ServerProcess;
  let client: ApiClient;
  const tokens: Record<string, Token> = {};
  const secret = (role: string) => tokens[role]!.secret;

  beforeAll(async () => {
    home = await makeHome();
    for (const role of ["read", "run", "admin"]) tokens[role] = await createToken(home, role);
    server = await serve(home, EVERYWHERE);
    client = server.client;
  }, 30_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  /** Statuses of reading and of running with a client. */
  const may = async (caller: ApiClient) => [
    (await caller.json("/v1/pipelines")).status,
    (await caller.run("face-liveness")).status,
  ];

  test("takes nobody without a token or with a wrong one, and says so", async () => {
    expect(await may(client)).toEqual([401, 401]);
    expect(await may(client.as("fw_wrong"))).toEqual([401, 401]);
    expect(await may(client.as(`fw_${"A".repeat(43)}`))).toEqual([401, 401]);
    const { headers, body } = await client.json("/v1/models");
    expect(headers.get("www-authenticate")).toContain("Bearer");
    expect(body).toMatchObject({ error: { code: "unauthorized" } });
  });

  test("refuses before the body is read", async () => {
    const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    expect((await client.run("face-liveness", never)).status).toBe(401);
  });

  test("lets read look, run also run, and admin do both", async () => {
    expect(await may(client.as(secret("read")))).toEqual([200, 403]);
    expect(await may(client.as(secret("run")))).toEqual([200, 200]);
    expect(await may(client.as(secret("admin")))).toEqual([200, 200]);
    expect((await client.as(secret("read")).run("face-liveness")).body.error).toMatchObject({
      code: "forbidden",
      details: { needed: "run", role: "read" },
    });
  });

  test("shows its parts, models and metrics to tokens only, and whether it lives to everybody", async () => {
    for (const path of ["/health", "/metrics", "/v1/models", "/v1/pipelines/face-liveness"]) {
      expect([path, (await client.fetch(path)).status]).toEqual([path, 401]);
      expect([path, (await client.as(secret("read")).fetch(path)).status]).toEqual([path, 200]);
    }
    for (const path of ["/health/live", "/health/ready", "/swagger", "/swagger/json"]) {
      expect([path, (await client.fetch(path)).status]).toEqual([path, 200]);
    }
  });

  test("ends a token at the next request once it is revoked, and takes a new one without a restart", async () => {
    const token = await createToken(home, "run");
    const caller = client.as(token.secret);
    expect(await may(caller)).toEqual([200, 200]);
    expect((await facewire(["tokens", "revoke", token.id], { env: home.env })).code).toBe(0);
    expect(await may(caller)).toEqual([401, 401]);
  });

  test("writes no secret to its log, wherever one was sent", async () => {
    const hush = secret("run");
    await client.json(`/v1/pipelines?token=${hush}`);
    await client.json("/v1/pipelines", { headers: { cookie: `token=${hush}`, "x-request-id": hush } });
    await client.json(`/v1/pipelines/${hush}/run`, { method: "POST" });
    await client.as(hush).json(`/v1/pipelines/${hush}`);
    await client.as(hush).run("face-liveness");
    server.kill("SIGTERM");
    expect(await server.ended).toBe(0);
    const output = server.output();
    // What was asked of it is there; none of the secrets is.
    expect(output).toContain('"route":"/v1/pipelines/:name/run"');
    expect(output).toContain("the run one");
    for (const { secret } of Object.values(tokens)) expect(output).not.toContain(secret);
  });
});
