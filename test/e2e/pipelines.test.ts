/** What pipeline files promise, seen over HTTP: changes while the server runs, branches, conditions, gates, sums. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PipelineSummary } from "../../src/pipeline/results.ts";
import { form, GOOD_PICTURE, photograph } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { ProbeChannel } from "../support/probe.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

let probe: ProbeChannel;
let server: TestServer;
beforeAll(async () => {
  probe = new ProbeChannel();
  server = await testServer({
    pipelines: {
      changing: `stages:\n  - probe: { does: hold, channel: ${probe.name} }\nlimits: { deadline: 60s }\n`,
      broken: "stages: [detect]\n",
      branched: [
        "stages:",
        "  - detect: { faces: all }",
        "  - landmarks: {}",
        "  - quality: {}",
        "  - parallel:",
        "      - pose: {}",
        "      - eyes: {}",
        "      - emotion: {}",
        "        when: face.quality.eye_distance > 1000.0",
        "      - liveness: {}",
        "        when: face.quality.overall > 0.1",
        "",
      ].join("\n"),
      gated:
        "stages:\n  - detect: {}\n  - landmarks: {}\n  - quality: { min_eye_distance: 2000px }\n  - liveness: {}\n",
      sums: "stages:\n  - use: face-liveness\naggregate: { liveness: minimum, quality: maximum }\n",
    },
  });
});
afterAll(async () => {
  probe[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** The entry of a pipeline in the list, once it is as asked for. */
async function listed(name: string, holds: (entry: PipelineSummary | undefined) => boolean) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const entry = (await server.client.pipelines()).find((each) => each.name === name);
    if (holds(entry)) return entry;
    await Bun.sleep(5);
  }
  throw new Error(`${name} did not become as expected`);
}

describe("A pipeline file that changes while the server runs", () => {
  test("is taken up by new requests, and requests that run finish on the version they began with", async () => {
    const before = await listed("changing", (entry) => entry?.status === "ok");
    const running = server.client.run("changing", PLAIN_PICTURE);
    await probe.holds(1);
    await server.home.writePipeline("changing", "stages: [probe]\n");
    const after = await listed("changing", (entry) => entry?.version !== before?.version);
    const fresh = await server.client.run("changing", PLAIN_PICTURE);
    expect([fresh.status, fresh.body.version]).toEqual([200, after?.version]);
    probe.releaseAll();
    const old = await running;
    expect([old.status, old.body.version]).toEqual([200, before?.version]);
  });

  test("and is broken is listed as stale with its line while the last good version runs, until it is mended", async () => {
    const before = await listed("broken", (entry) => entry?.status === "ok");
    await server.home.writePipeline("broken", "stages: [detekt]\n");
    const stale = await listed("broken", (entry) => entry?.status === "stale");
    expect(stale).toMatchObject({ version: before?.version, error: { code: "pipeline_invalid" } });
    expect(stale?.error?.details?.problems).toMatchObject([{ line: 1, nearest: "detect" }]);
    expect((await server.client.run("broken")).body).toMatchObject({
      version: before?.version,
      items: [{ status: "ok" }],
    });
    const health = await server.client.health();
    expect(health).toMatchObject({ status: "degraded", parts: { pipelines: { details: { broken: "stale" } } } });
    await server.home.writePipeline("broken", "stages: [detect]\n");
    await listed("broken", (entry) => entry?.status === "ok");
    expect((await server.client.health()).status).toBe("ok");
  });

  test("into nothing that was there before is unavailable by name, and everything else goes on", async () => {
    await server.home.writePipeline("worse", "stages: [");
    await listed("worse", (entry) => entry?.status === "unavailable");
    expect(await server.client.run("worse")).toMatchObject({
      status: 503,
      body: { error: { code: "pipeline_unavailable" } },
    });
    expect((await server.client.run("face-liveness")).status).toBe(200);
    await writeFile(
      join(server.home.pipelinesDir, "worse.yaml"),
      "name: worse\ndescription: Mended.\nstages: [detect]\n",
    );
    await listed("worse", (entry) => entry?.status === "ok");
  });
});

describe("Stages over HTTP", () => {
  test("parallel branches each write their part, and `when` leaves faces out", async () => {
    const { body } = await server.client.run("branched", GOOD_PICTURE, "?explain=1");
    const { faces = [], explain = [] } = body.items?.[0] ?? {};
    expect(faces).toHaveLength(3);
    for (const face of faces) {
      expect(face).toMatchObject({ pose: {}, eyes: {}, liveness: {} });
      expect(face.emotion).toBeUndefined();
    }
    expect(explain.find(({ kind }) => kind === "emotion")?.ran).toBeFalse();
    const { plan } = (
      await server.client.json<{ plan: { nodes: { kind: string; when?: string }[] } }>("/v1/pipelines/branched")
    ).body;
    expect(plan.nodes.find(({ kind }) => kind === "emotion")?.when).toContain("eye_distance");
  });

  test("a gate rejects with a named reason, later stages pass the face by, and no verdict is invented", async () => {
    const { status, body } = await server.client.run("gated");
    expect(status).toBe(200);
    const item = body.items![0]!;
    expect(item.status).toBe("rejected");
    for (const face of item.faces) {
      expect(face.rejected).toMatchObject({ reason: "eye_distance" });
      expect(face.liveness).toBeUndefined();
    }
  });

  test("aggregates are made as the pipeline says", async () => {
    const pictures = {
      one: GOOD_PICTURE,
      two: await photograph("sample2.jpg"),
      three: await photograph("sample3.jpg"),
    };
    const { body } = await server.client.run("sums", form(pictures));
    const faces = body.items!.flatMap(({ faces }) => faces);
    expect(faces).toHaveLength(3);
    const known = faces.filter(({ liveness }) => liveness!.prediction !== "unknown");
    const least = Math.min(...(known.length > 0 ? known : faces).map(({ liveness }) => liveness!.probability));
    const most = Math.max(...faces.map(({ quality }) => quality!.overall));
    const { liveness, quality } = body.aggregate!;
    expect((liveness!.value as { probability: number }).probability).toBeCloseTo(least, 5);
    expect((quality!.value as { overall: number }).overall).toBeCloseTo(most, 5);
  });
});

test("the plan shows which parts flow where, and what each stage cost once it has run", async () => {
  await server.client.run("face-liveness");
  const { body } = await server.client.json<{
    plan: { nodes: { kind: string; measured_ms: number | null }[]; edges: { parts: string[] }[] };
    stage_schemas: object;
  }>("/v1/pipelines/face-liveness");
  expect(body.plan.nodes.map(({ kind }) => kind)).toEqual(["decode", "detect", "landmarks", "quality", "liveness"]);
  for (const node of body.plan.nodes) expect(node.measured_ms).toBeGreaterThan(0);
  expect(body.plan.edges.flatMap(({ parts }) => parts)).toContain("face.landmarks");
  expect(Object.keys(body.stage_schemas).sort()).toEqual(["detect", "landmarks", "liveness", "quality"]);
});
