/** Two processes that run stages and one that takes requests, beside a server that does everything itself. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunResult } from "../../src/pipeline/results.ts";
import { form, photograph } from "../support/api-client.ts";
import { SAMPLE_PICTURES } from "../support/cli.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { type NodeProcess, type ServerProcess, serve, serveGroups } from "../support/server-process.ts";
import { type Home, makeHome, type TestServer, testServer } from "../support/test-server.ts";
import { hasFfmpeg, makeVideo } from "../support/videos.ts";

const PLACED = `accepts: [image, video]
video: { every: 1 }
stages:
  - detect: {}
  - landmarks: {}
    place: faces
  - pose: {}
  - quality: {}
  - liveness: {}
  - descriptor: {}
  - crop: {}
aggregate: { liveness: quality-weighted-logit-mean, descriptor: quality-weighted-mean }
limits: { deadline: 30s, video_deadline: 60s }
`;
const PIPELINES = {
  placed: PLACED,
  everything: PLACED.replace("  - detect: {}\n", "  - detect: {}\n    place: default\n"),
};

/** What an answer says, without what is measured anew each time. */
function said({ items = [], aggregate, videos }: Partial<RunResult>) {
  return { aggregate, videos, items: items.map(({ timing: _timing, ...item }) => item) };
}

describe.skipIf(!hasNatsServer())("Over NATS, with processes of their own for the stages,", () => {
  const made = new AsyncDisposableStack();
  let nats: NatsServer;
  let home: Home;
  let alone: TestServer;
  let one: NodeProcess;
  let server: ServerProcess;

  beforeAll(async () => {
    nats = made.use(await startNatsServer());
    alone = made.use(await testServer({ pipelines: PIPELINES }));
    const plain = made.use(await makeHome(PIPELINES));
    await mkdir(plain.dataDir);
    const env = { FACEWIRE_BUS: "nats", FACEWIRE_NATS_URL: nats.url, FACEWIRE_INFERENCE_WORKERS: "1" };
    home = { ...plain, env: { ...plain.env, ...env } };
    [one, , server] = await Promise.all([
      serveGroups(home, "faces").then((node) => made.use(node)),
      serveGroups(home, "faces").then((node) => made.use(node)),
      serve(home, { FACEWIRE_ROLES: "[api]" }).then((node) => made.use(node)),
    ]);
    await server.client.healthBecomes(({ parts }) => JSON.stringify(parts.groups).split('"pid"').length === 5);
  }, 60_000);
  afterAll(() => made.disposeAsync());

  test("pictures give the same results to the last digit as in one process", async () => {
    const pictures = form({
      "1.jpg": await photograph("sample1.jpg"),
      "2.jpg": await photograph("sample2.jpg"),
      "3.jpg": await photograph("sample3.jpg"),
    });
    for (const pipeline of ["placed", "everything"]) {
      const expected = await alone.client.run(pipeline, pictures);
      const answer = await server.client.run(pipeline, pictures);
      expect([expected.status, answer.status]).toEqual([200, 200]);
      expect(answer.body.items?.map(({ faces }) => faces.length)).not.toContain(0);
      expect(said(answer.body)).toEqual(said(expected.body));
    }
  }, 60_000);

  test.skipIf(!hasFfmpeg())(
    "so does a video, also when a process is killed in the middle of it",
    async () => {
      const photo = join(SAMPLE_PICTURES, "sample1.jpg");
      const move = "scale=960:-2,crop=640:480:20*n:60,setsar=1";
      const source = ["-loop", "1", "-framerate", "10", "-i", photo, "-vf", move, "-t", "2", "-pix_fmt", "yuv420p"];
      const video = await Bun.file(await makeVideo("placed.mp4", ...source)).bytes();
      const expected = said((await alone.client.run("placed", video)).body);
      expect(expected.items).toHaveLength(20);
      expect(expected.videos?.[0]?.best_frame?.index).toBeNumber();
      expect(said((await server.client.run("placed", video)).body)).toEqual(expected);
      const elsewhere = said((await server.client.run("everything", video)).body);
      expect(elsewhere).toEqual(said((await alone.client.run("everything", video)).body));

      const sent = await server.client.metric("facewire_group_items_total");
      const running = server.client.run("placed", video);
      while ((await server.client.metric("facewire_group_items_total")) < sent + 10) await Bun.sleep(1);
      one.kill("SIGKILL");
      expect(said((await running).body)).toEqual(expected);
      expect(await one.ended).toBe(137);
    },
    60_000,
  );
});
