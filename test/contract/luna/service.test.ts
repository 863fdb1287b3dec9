/** What the server tells about itself, and how it answers when it cannot. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "yaml";
import { SECRET_SETTINGS } from "../../support/luna/secret-settings.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

let server: LunaServer;
beforeAll(async () => {
  server = await startLuna({ shipped: false, settings: { luna: { metrics: true }, ...SECRET_SETTINGS } });
});
afterAll(() => server.stop());

const get = (path: string, accept?: string) => server.call("GET", path, accept ? { headers: { accept } } : {});
const textOf = ({ bytes }: { readonly bytes: Uint8Array }) => new TextDecoder().decode(bytes);

test("LUNA-SRV-001 the version tells the five services in whole numbers", async () => {
  const { Version } = (await get("/version")).body;
  for (const name of ["luna_api", "luna_remote_sdk", "luna_faces", "luna_backport3"]) {
    expect(Object.keys(Version[name]).sort()).toEqual(["api", "major", "minor", "patch"]);
  }
  expect(Object.keys(Version["LUNA PLATFORM"]).sort()).toEqual(["major", "minor", "patch"]);
  for (const version of Object.values<Record<string, number>>(Version)) {
    for (const number of Object.values(version)) expect(Number.isInteger(number) && number >= 0).toBeTrue();
  }
});

describe("health", () => {
  test("LUNA-SRV-002 of the database alone is the default", async () => {
    const { status, body } = await get("/4/healthcheck");
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["execution_time"]);
    expect(body.execution_time).toBeNumber();
    expect((await get("/4/healthcheck?include_luna_services=0")).status).toBe(200);
  });

  test("LUNA-SRV-003 X-003 of every part is 200 when all of them work", async () => {
    await using ready = await startLuna({ shipped: ["face-detect"], loaded: true });
    expect((await ready.get("/4/healthcheck", { include_luna_services: 1 })).status).toBe(200);
  });

  test("LUNA-SRV-004 a flag other than 0 and 1 is 400 12012", async () => {
    const { status, body } = await get("/4/healthcheck?include_luna_services=5");
    expect([status, body.error_code]).toEqual([400, 12012]);
  });

  test("LUNA-SRV-009 LUNA-SRV-010 LUNA-SRV-011 the address without a version leads to it, query and all", async () => {
    const { status, headers } = await get("/healthcheck?include_luna_services=0");
    expect([status, headers.get("location")]).toEqual([308, "/4/healthcheck?include_luna_services=0"]);
    expect((await get("/healthcheck")).headers.get("location")).toBe("/4/healthcheck");
    expect((await fetch(`${server.url}/healthcheck?include_luna_services=0`)).status).toBe(200);
  });
});

describe("while another process holds its database", () => {
  test("LUNA-SRV-005 LUNA-SRV-006 LUNA-SRV-007 LUNA-GEN-004 health is 502 with all components, writing is 500 10015, reading goes on, and all is well afterwards", async () => {
    await using own = await startLuna({ shipped: false, database: "file" });
    const { client, basic } = await own.newAccount();
    const holder = new Database(join(own.server.dataDir, "facewire.sqlite"));
    holder.run("begin immediate");
    for (const all of ["0", "1"]) {
      const { status, body } = await own.get("/4/healthcheck", { include_luna_services: all });
      expect(status).toBe(502);
      const store = body.errors.find(({ component }: Component) => component === "database");
      expect(store).toEqual({
        component: "database",
        status: 0,
        error: { error_code: 10017, desc: "Database error", detail: "Database connection timeout error" },
      });
      const others: Component[] = body.errors.filter((each: Component) => each !== store && each.status === 1);
      if (all === "1") expect(others.length).toBeGreaterThan(3);
      for (const { error } of others) expect(error).toEqual({ error_code: 0, desc: "Success", detail: "Success" });
    }
    const refused = await basic.post("/4/account/tokens", { token_data: "x" });
    expect([refused.status, refused.body.error_code, refused.body.desc]).toEqual([500, 10015, "SQL error"]);
    expect(refused.body.detail).not.toMatch(/token|insert|sqlite|\//i);
    expect(refused.headers.get("luna-request-id")).toBeTruthy();
    // Thousands may be refused while it lasts: a line each, without the stack.
    const [line] = own.server.logs.where({ route: "/4/account/tokens", status: 500 });
    expect(line).toMatchObject({ level: "warn", code: "store_unavailable", reason: "locked" });
    expect(line).not.toHaveProperty("error");
    expect((await client.get("/4/storage/persons")).status).toBe(200);
    holder.run("rollback");
    holder.close();
    expect((await basic.post("/4/account/tokens", { token_data: "x" })).status).toBe(201);
    expect((await own.get("/4/healthcheck")).status).toBe(200);
  });
});

/** As health lists it. */
interface Component {
  readonly component: string;
  readonly status: number;
  readonly error: unknown;
}

describe("documents", () => {
  test("LUNA-SRV-012 the description as YAML is OpenAPI 3 with all paths", async () => {
    const answer = await get("/4/docs/spec", "application/x-yaml");
    expect(answer.headers.get("content-type")).toBe("application/x-yaml");
    const description = parse(textOf(answer));
    expect(description.openapi).toStartWith("3.");
    expect(Object.keys(description.paths)).toHaveLength(35);
    expect(description.info.title).toBe("Facewire: LUNA Backport 3 API");
    expect(description.components.securitySchemes.Token).toMatchObject({
      type: "apiKey",
      in: "header",
      name: "X-Auth-Token",
    });
  });

  test("LUNA-SRV-013 as a page it is HTML, also for who takes anything; its files come from this server", async () => {
    for (const accept of ["text/html", "*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/*"]) {
      const answer = await get("/4/docs/spec", accept);
      expect(answer.headers.get("content-type")).toStartWith("text/html");
      const links = [...textOf(answer).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
      expect(links.length).toBeGreaterThan(2);
      for (const link of links) expect([link, (await fetch(new URL(link, server.url))).status]).toEqual([link, 200]);
    }
    const start = await (await fetch(`${server.url}/swagger/assets/start.js`)).text();
    const [, document] = /url: "([^"]+)"/.exec(start) ?? [];
    expect((await fetch(server.url + document)).headers.get("content-type")).toBe("application/x-yaml");
  });

  test("LUNA-SRV-014 another format is 415 12024", async () => {
    const { status, body } = await get("/4/docs/spec", "image/png");
    expect([status, body.error_code, body.detail]).toEqual([415, 12024, "Bad/incomplete input data"]);
  });

  test("LUNA-SRV-015 the manual is HTML, at both of its addresses", async () => {
    for (const path of ["/4/docs/dev", "/docs/dev/index.html"]) {
      const answer = await get(path);
      expect([path, answer.status, answer.headers.get("content-type")]).toEqual([path, 200, "text/html"]);
      expect(textOf(answer)).toContain("<h1>LUNA Backport 3 API</h1>");
    }
  });
});

describe("settings", () => {
  test("LUNA-SRV-016 X-003 are an object as JSON, which is also for who takes anything", async () => {
    for (const accept of ["application/json", "*/*", undefined]) {
      const { status, body } = await get("/4/config", accept);
      expect([status, body.luna.page_size, body.luna.identify_threshold]).toEqual([200, 1000, 0.9]);
    }
  });

  test("LUNA-SRV-017 are lines in sections as text", async () => {
    const answer = await get("/4/config", "text/plain");
    expect(answer.headers.get("content-type")).toBe("text/plain");
    expect(textOf(answer)).toMatch(/^\[luna\]\n(.+ = .+\n)+/m);
    expect(textOf(answer)).toContain("page_size = 1000\n");
  });

  test("LUNA-SRV-018 in another format are 415 12024", async () => {
    const { status, body } = await get("/4/config", "image/png");
    expect([status, body.error_code]).toEqual([415, 12024]);
  });

  test("LUNA-SRV-019 hide secrets and the paths of the machine", async () => {
    const json = await get("/4/config");
    expect(json.body.nats.token).toBe("********");
    expect(json.body.observe.traces.headers.authorization).toBe("********");
    expect(json.body.nats.url).toBe("nats://********@127.0.0.1:4222");
    for (const text of [textOf(json), textOf(await get("/4/config", "text/plain"))]) {
      for (const secret of ["s3cret", server.server.dataDir]) expect(text).not.toContain(secret);
    }
  });

  test("LUNA-SRV-008 where they are not to be seen are 403 12033", async () => {
    await using closed = await startLuna({ shipped: false, settings: { luna: { config: false } } });
    const { status, body } = await closed.get("/4/config");
    expect([status, body.error_code, body.detail]).toEqual([
      403,
      12033,
      "Access to this resource on the server is denied",
    ]);
  });
});

test("LUNA-SRV-020 plugins are stage files of one's own", async () => {
  expect((await get("/4/plugins")).body).toEqual({ plugins: [] });
  const stage = new URL("../../fixtures/mark-stage.ts", import.meta.url);
  await using own = await startLuna({ shipped: false, stages: [stage] });
  expect((await own.get("/4/plugins")).body).toEqual({ plugins: [{ name: "mark-stage", running: 1 }] });
});

describe("metrics", () => {
  /** Value of a line, 0 where it is missing. */
  const metric = async (line: string) => {
    const text = textOf(await get("/metrics"));
    return Number(
      text
        .split("\n")
        .find((each) => each.startsWith(`${line} `))
        ?.split(" ")
        .at(-1) ?? 0,
    );
  };

  test("LUNA-SRV-021 are Prometheus text under the known names, with the known first buckets", async () => {
    await get("/4/nothing");
    const answer = await get("/metrics");
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    const text = textOf(answer);
    expect(text).toContain("# TYPE request_count_total counter");
    expect(text).toContain("# TYPE errors_count_total counter");
    expect(text).toContain("# TYPE requests histogram");
    const buckets = [...text.matchAll(/^requests_bucket\{le="([^"]+)"/gm)].map(([, le]) => le);
    expect(buckets.slice(0, 2)).toEqual(["0.0001", "0.00025"]);
  });

  test("LUNA-SRV-022 count a request by its method, address and status", async () => {
    const line = 'request_count_total{path="GET:/version",status_code="200"}';
    const before = await metric(line);
    await get("/version");
    expect(await metric(line)).toBe(before + 1);
  });

  test("LUNA-SRV-023 count a failing one by its code as well", async () => {
    const path = "GET:/4/storage/persons/{person_id}";
    const lines = [
      `request_count_total{path="${path}",status_code="401"}`,
      `errors_count_total{path="${path}",error_code="12010"}`,
    ];
    const before = await Promise.all(lines.map(metric));
    await get(`/4/storage/persons/${crypto.randomUUID()}`);
    expect(await Promise.all(lines.map(metric))).toEqual(before.map((count) => count + 1));
  });

  test("no caller makes new lines by asking for addresses or methods that are not there", async () => {
    await get("/4/nothing");
    await fetch(`${server.url}/version`, { method: "PROPFIND" });
    const lines = async () => textOf(await get("/metrics")).match(/^request_count_total/gm)?.length;
    const before = await lines();
    for (let at = 0; at < 20; at++) {
      await get(`/4/nothing/${at}`);
      await fetch(`${server.url}/version`, { method: `M${at}` });
    }
    expect(await lines()).toBe(before);
  });

  test("LUNA-SRV-024 are 403 12049 where they are off, as they are by default", async () => {
    await using off = await startLuna({ shipped: false });
    const { status, body } = await off.get("/metrics");
    expect([status, body.error_code, body.detail]).toEqual([403, 12049, "Resource is disabled."]);
  });
});

describe("failures", () => {
  test("LUNA-SRV-025 a request that takes longer than its time is 504 9, which names it, and its body is given up", async () => {
    await using slow = await startLuna({ shipped: false, settings: { luna: { timeout: "200ms" } } });
    const endless = new ReadableStream({ pull: () => new Promise(() => {}) });
    const response = await fetch(`${slow.url}/4/accounts?basic=s3cret`, {
      method: "POST",
      body: endless,
      headers: { "content-type": "application/json" },
    });
    expect(response.status).toBe(504);
    expect(await response.json()).toEqual({
      error_code: 9,
      desc: "Request timeout on /4/accounts, method POST",
      detail: "Request timeout",
    });
    expect(response.headers.get("luna-request-id")).toBeTruthy();
    expect((await slow.get("/version")).status).toBe(200);
  });
});
