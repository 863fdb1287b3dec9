/** The disk of the database is full: writes are refused with a code, reads go on, and writes go on when there is room. */
import { describe, expect, test } from "bun:test";
import { accepted, endOf, jobOf, submit } from "../jobs/job-client.ts";
import { GOOD_PICTURE } from "../support/api-client.ts";
import { hasPostgres, postgresUser, startPostgres } from "../support/postgres.ts";
import { ownMounts, type SmallDisk, smallDisk, waysOfDisks } from "../support/small-disk.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

const JOB = "?pipeline=face-liveness&name=a.jpg";

if (waysOfDisks() === "apart") {
  test("all tests of this file hold in a namespace of their own, where nothing may be mounted here", async () => {
    const command = [...ownMounts(), process.execPath, "test", "--timeout", "60000", import.meta.path];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect(`${stdout}${stderr}`).toContain(`\n ${hasPostgres() ? 2 : 1} pass\n`);
    expect(await child.exited).toBe(0);
  }, 150_000);
}

describe.skipIf(waysOfDisks() !== "here")("While the disk is full", () => {
  test("of SQLite: writes are refused, reads go on, all recovers when there is room", async () => {
    const disk = smallDisk(8);
    await using server = await testServer({ env: { FACEWIRE_DATA_DIR: disk.folder } });
    await expectToCope(server, disk, async () => {
      // Files of jobs lie on the same disk.
      const { status, body } = await submit(server.client, JOB, GOOD_PICTURE);
      expect([status, body.error?.code]).toEqual([503, "store_unavailable"]);
      expect(body.error?.details).toEqual({ reason: "disk_full" });
    });
  }, 60_000);

  test.skipIf(!hasPostgres())(
    "of PostgreSQL: likewise",
    async () => {
      await using postgres = await startPostgres();
      const disk = smallDisk(24, postgresUser());
      await postgres.admin(`create tablespace small location '${disk.folder}'`);
      const database = await postgres.database();
      await postgres.admin(`alter database ${database.name} set tablespace small`);
      await using server = await testServer({ env: { FACEWIRE_DATABASE_URL: database.url } });
      await expectToCope(server, disk, async () => {});
    },
    60_000,
  );
});

async function expectToCope(
  { client, app }: TestServer,
  disk: SmallDisk,
  whileFull: () => Promise<void>,
): Promise<void> {
  const id = await accepted(client, JOB, GOOD_PICTURE);
  await endOf(client, id);
  const { secret } = await app.store.tokens.create({ role: "admin", name: "a" });
  disk.fill();

  // What room there is within the database's own files is used up first.
  const record = () => app.store.tokens.create({ role: "read", name: "x".repeat(100_000) });
  let refused: unknown;
  for (let at = 0; at < 500 && refused === undefined; at++)
    refused = await record().then(
      () => undefined,
      (e) => e,
    );
  expect(refused).toMatchObject({ code: "store_unavailable", details: { reason: "disk_full" } });

  await whileFull();
  expect((await jobOf(client, id)).state).toBe("completed");
  expect((await client.as(secret).json("/v1/jobs")).status).toBe(200);
  expect((await client.json("/v1/events")).status).toBe(200);
  const run = await client.run("face-liveness");
  expect(run.body.items?.[0]?.faces[0]?.liveness?.prediction).toBe("live");

  await disk.makeRoom();
  await client.healthBecomes(({ status }) => status === "ok");
  await client.expectAsBefore();
  await app.store.tokens.create({ role: "read", name: "b" });
  expect((await endOf(client, await accepted(client, JOB, GOOD_PICTURE))).state).toBe("completed");
}
