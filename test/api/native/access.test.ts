import { describe, expect, test } from "bun:test";
import type { Tokens } from "../../../src/store/tokens.ts";
import { rejection } from "../../support/settle.ts";
import { PIPELINE, scriptedEngine } from "./scripted-engine.ts";
import { serveNative } from "./serve.ts";

const RUN = `/v1/pipelines/${PIPELINE}/run`;
const EVERYWHERE = { host: "0.0.0.0", port: 0 };

/** Serves beyond loopback with one token a role; gives the secrets out. */
async function serveClosed() {
  const secrets: Record<string, string> = {};
  const prepare = async (tokens: Tokens) => {
    for (const role of ["read", "run", "admin"] as const) {
      secrets[role] = (await tokens.create({ role, name: `${role} client` })).secret;
    }
  };
  const served = await serveNative(scriptedEngine(), { listen: EVERYWHERE, prepare });
  const as = (role: string) => ({ authorization: `Bearer ${secrets[role]}` });
  return { served, as };
}

test("beyond loopback the API refuses to start without a token", async () => {
  const error = await rejection(serveNative(scriptedEngine(), { listen: EVERYWHERE }));
  expect(error.code).toBe("listen_unsafe");
});

describe("Beyond loopback", () => {
  test("every address asks for a token, before it says whether it exists", async () => {
    const { served, as } = await serveClosed();
    await using _ = served;
    for (const path of ["/v1/pipelines", "/v1/models", "/health", "/metrics", "/nonsense"]) {
      const { status, headers, body } = await served.json(path);
      expect([path, status]).toEqual([path, 401]);
      expect(headers.get("www-authenticate")).toStartWith("Bearer");
      expect(body).toMatchObject({ error: { code: "unauthorized" } });
    }
    expect((await served.json("/nonsense", { headers: as("read") })).status).toBe(404);
  });

  test("who is turned away is logged at the address that was asked for", async () => {
    const { served } = await serveClosed();
    await using _ = served;
    await served.json(RUN, { method: "POST", body: "x" });
    expect(served.logs.at(-1)).toMatchObject({ status: 401, route: "/v1/pipelines/:name/run" });
  });

  test("probes and the reference stay open", async () => {
    const { served } = await serveClosed();
    await using _ = served;
    for (const path of ["/health/live", "/health/ready", "/swagger", "/swagger/json", "/swagger/assets/start.js"]) {
      expect([path, (await fetch(served.url + path)).status]).toEqual([path, 200]);
    }
  });

  test("roles reach as far as they say, and the log names the token, never its secret", async () => {
    const { served, as } = await serveClosed();
    await using _ = served;
    const run = (role: string) => served.json(RUN, { method: "POST", body: "x", headers: as(role) });
    expect((await served.json("/v1/pipelines", { headers: as("read") })).status).toBe(200);
    expect((await run("read")).body).toMatchObject({ error: { code: "forbidden", details: { needed: "run" } } });
    expect((await run("run")).status).toBe(200);
    expect((await run("admin")).status).toBe(200);
    expect(served.logs.at(-1)).toMatchObject({ caller: "admin client", status: 200 });
    expect(JSON.stringify(served.logs)).not.toContain(as("admin").authorization.slice(10));
  });

  test("a token without a name is logged by its id", async () => {
    const { served } = await serveClosed();
    await using _ = served;
    const { id, secret } = await served.tokens.create({ role: "read", name: "" });
    await served.json("/v1/pipelines", { headers: { authorization: `Bearer ${secret}` } });
    expect(served.logs.at(-1)).toMatchObject({ caller: id, status: 200 });
  });

  test("a revoked token is refused at once", async () => {
    const { served, as } = await serveClosed();
    await using _ = served;
    const [first] = await served.tokens.list();
    await served.tokens.revoke(first!.id);
    expect((await served.json("/v1/pipelines", { headers: as("read") })).status).toBe(401);
  });

  test("a body is not read for a caller without a token", async () => {
    const { served } = await serveClosed();
    await using _ = served;
    const { status } = await served.json(RUN, { method: "POST", body: new Uint8Array(5e6) });
    expect(status).toBe(401);
  });
});

test("on loopback a page of another origin cannot run pipelines through its visitor's browser", async () => {
  const engine = scriptedEngine();
  await using served = await serveNative(engine);
  const headers = { origin: "https://evil.example", "content-type": "text/plain" };
  const { status, body } = await served.json(RUN, { method: "POST", body: "x", headers });
  expect(status).toBe(403);
  expect(body).toMatchObject({ error: { code: "origin_refused" } });
  expect(engine.requests).toHaveLength(0);
});
