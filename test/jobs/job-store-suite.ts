/** What every database has to do for jobs: what is kept of them, and who may change it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ulid } from "ulid";
import { systemClock } from "../../src/bus/clock.ts";
import { JobFolders } from "../../src/jobs/folders.ts";
import { clearUp } from "../../src/jobs/housekeeping.ts";
import { Leases } from "../../src/jobs/leases.ts";
import { JobNews } from "../../src/jobs/news.ts";
import { createLogger } from "../../src/observe/logs.ts";
import { LARGE_PAGE } from "../../src/store/job-content.ts";
import type { JobCommit } from "../../src/store/job-work.ts";
import type { Store } from "../../src/store/store.ts";
import type { TestDatabase } from "../store/store-suite.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const LATER = () => Date.now() + 60_000;
const EARLIER = () => Date.now() - 1;

function commit(from: number, count: number): JobCommit {
  return {
    results: Array.from({ length: count }, (_, at) => ({
      position: from + at,
      file: from + at,
      item: JSON.stringify({ index: from + at }),
      face: at % 2 === 0 ? Uint8Array.from([from + at]) : undefined,
    })),
    counts: { ok: from + count, no_face: 0, rejected: 0, failed: 0 },
    nextFile: from + count,
    total: 9,
    rate: 1.25,
    activeMs: 10,
    versions: ["v"],
  };
}

/** Defines the tests. `create` makes an empty database. */
export function jobStoreSuite(backend: string, create: () => Promise<TestDatabase>): void {
  describe(`jobs on ${backend}`, () => {
    let folder: string;
    let store: Store;
    let database: TestDatabase;
    beforeEach(async () => {
      folder = temporaryFolder("facewire-jobs-");
      database = await create();
      store = await database.open();
    });
    afterEach(async () => {
      await store.close();
      await database.remove();
    });

    /** A waiting job of some pictures. */
    async function waiting(files = 1, key?: string, place?: string): Promise<string> {
      const id = ulid();
      await store.jobs.reserve({ id, owner: "uploader", leaseUntil: LATER(), limit: undefined, place });
      const rows = Array.from({ length: files }, (_, position) => ({
        position,
        name: `${position}.png`,
        bytes: 1,
        kind: "picture" as const,
      }));
      await store.jobContent.addFiles(id, rows);
      const admission = { pipeline: "p", options: {}, key, fingerprint: "f", files, bytes: files, total: files };
      await store.jobs.admit(id, admission);
      return id;
    }

    describe("A job", () => {
      test("is given to one worker, the one that came first first", async () => {
        const ids = [await waiting(), await waiting(), await waiting()];
        const claimed = await Promise.all(["a", "b", "c", "d"].map((owner) => store.jobWork.claim(owner, LATER())));
        expect(claimed.flatMap((job) => job?.id ?? []).sort()).toEqual([...ids].sort());
        const [first, second] = [await waiting(), await waiting()];
        expect((await store.jobWork.claim("a", LATER()))?.id).toBe(first);
        expect((await store.jobWork.claim("b", LATER()))?.id).toBe(second);
      });

      test("shows large results in pages that fit into memory, and leaves none out", async () => {
        const id = await waiting(60);
        await store.jobWork.claim("a", LATER());
        const large = commit(0, 60);
        const item = "x".repeat(LARGE_PAGE / 20);
        const results = large.results.map((result) => ({ ...result, item }));
        expect(await store.jobWork.commit({ id, owner: "a" }, { ...large, results })).toBe(true);
        const pages: number[] = [];
        for (let after = -1; ; ) {
          const page = await store.jobContent.results(id, after, 1000);
          if (page.length === 0) break;
          expect(page[0]?.position).toBe(after + 1);
          pages.push(page.length);
          after = page.at(-1)?.position ?? after;
        }
        expect(pages).toEqual([25, 25, 10]);
      });

      test("is given to another when its lease has run out, before those that came later", async () => {
        const id = await waiting();
        await store.jobWork.claim("a", EARLIER());
        await waiting();
        expect((await store.jobWork.claim("b", LATER()))?.id).toBe(id);
      });

      test("stays with who renews its lease, and goes at once from who has certainly ended", async () => {
        const id = await waiting();
        await store.jobWork.claim("a", EARLIER());
        expect(await store.jobWork.renew("a", LATER())).toEqual([id]);
        expect(await store.jobWork.hasClaimable("b")).toBe(false);
        expect(await store.jobWork.claim("b", LATER())).toBeUndefined();
        expect(await store.jobWork.owners()).toEqual(["a"]);
        expect((await store.jobWork.claim("b", LATER(), ["a"]))?.owner).toBe("b");
      });

      test("is not given once more to who holds it and was held up", async () => {
        const id = await waiting();
        await store.jobWork.claim("a", EARLIER());
        expect(await store.jobWork.hasClaimable("a")).toBe(false);
        expect(await store.jobWork.claim("a", LATER())).toBeUndefined();
        expect(await store.jobWork.commit({ id, owner: "a" }, commit(0, 1))).toBe(true);
      });

      test("is changed only by who holds it", async () => {
        const id = await waiting();
        await store.jobWork.claim("a", EARLIER());
        await store.jobWork.claim("b", LATER());
        const late = { id, owner: "a" };
        expect(await store.jobWork.commit(late, commit(0, 2))).toBe(false);
        expect(await store.jobWork.end(late, { state: "completed" })).toBe(false);
        expect(await store.jobWork.release(late)).toBe(false);
        expect(await store.jobWork.setWaiting(late, { code: "overloaded", message: "", since: "" })).toBe(false);
        expect(await store.jobWork.renew("a", LATER())).toEqual([]);
        expect(await store.jobContent.results(id, -1, 10)).toEqual([]);
        expect(await store.jobs.get(id)).toMatchObject({ state: "running", owner: "b", counts: { ok: 0 } });
      });

      test("keeps results and counts together, or neither", async () => {
        const id = await waiting(4);
        await store.jobWork.claim("a", LATER());
        const holding = { id, owner: "a" };
        expect(await store.jobWork.commit(holding, commit(0, 2))).toBe(true);
        // The same results again: what would be a second commit of a process that did not learn of its first.
        await expect(store.jobWork.commit(holding, commit(1, 2))).rejects.toThrow();
        expect(await store.jobs.get(id)).toMatchObject({ counts: { ok: 2 }, nextFile: 2, rate: 1.25, versions: ["v"] });
        expect((await store.jobContent.results(id, -1, 10)).map(({ position }) => position)).toEqual([0, 1]);
        expect(await store.jobContent.faces(id, -1, 10)).toEqual([{ position: 0, face: Uint8Array.from([0]) }]);
      });

      test("that was cancelled cannot be committed to or ended any more", async () => {
        const id = await waiting();
        await store.jobWork.claim("a", LATER());
        expect((await store.jobs.cancel(id))?.state).toBe("cancelled");
        expect(await store.jobs.cancel(id)).toBeUndefined();
        expect(await store.jobWork.commit({ id, owner: "a" }, commit(0, 1))).toBe(false);
        expect(await store.jobWork.end({ id, owner: "a" }, { state: "completed" })).toBe(false);
        expect((await store.jobs.get(id))?.state).toBe("cancelled");
      });
    });

    test("places are kept for uploads, also while others ask at once, in this process and in others", async () => {
      const other = await database.open();
      try {
        const reserve = ({ jobs }: Store) => jobs.reserve({ id: ulid(), owner: "o", leaseUntil: LATER(), limit: 3 });
        const kept = await Promise.all([store, other, store, other, store, other].map(reserve));
        expect(kept.filter(Boolean)).toHaveLength(3);
      } finally {
        await other.close();
      }
    });

    test("uploads that come at once under one key become one job", async () => {
      const other = await database.open();
      try {
        const ids = [ulid(), ulid(), ulid(), ulid()];
        for (const id of ids) await store.jobs.reserve({ id, owner: "o", leaseUntil: LATER(), limit: undefined });
        const facts = { pipeline: "p", options: {}, fingerprint: "f", files: 1, bytes: 1, total: 1 };
        const admit = (id: string, at: number) => (at % 2 ? other : store).jobs.admit(id, { ...facts, key: "same" });
        const admitted = await Promise.all(ids.map(admit));
        expect(new Set(admitted.map((found) => found?.job.id)).size).toBe(1);
        expect(admitted.filter((found) => found?.created)).toHaveLength(1);
      } finally {
        await other.close();
      }
    });

    test("a job is given only to who has its files, where not all have the same", async () => {
      const id = await waiting(1, undefined, "here");
      expect(await store.jobWork.hasClaimable("a", [], "there")).toBe(false);
      expect(await store.jobWork.claim("a", LATER(), [], "there")).toBeUndefined();
      expect(await store.jobWork.hasClaimable("a", [], "here")).toBe(true);
      expect((await store.jobWork.claim("a", LATER(), [], "here"))?.id).toBe(id);
      const anywhere = await waiting();
      expect((await store.jobWork.claim("a", LATER(), [], "there"))?.id).toBe(anywhere);
    });

    test("an upload is nobody's job before it is admitted", async () => {
      const id = ulid();
      await store.jobs.reserve({ id, owner: "o", leaseUntil: LATER(), limit: undefined });
      expect(await store.jobs.get(id)).toBeUndefined();
      expect((await store.jobs.list({ limit: 10 })).jobs).toEqual([]);
      expect(await store.jobWork.hasClaimable("b", ["o"])).toBe(false);
      expect(await store.jobs.cancel(id)).toBeUndefined();
    });

    describe("Clearing up", () => {
      const options = () => ({
        jobs: store.jobs,
        content: store.jobContent,
        folders: new JobFolders(folder),
        leases: new Leases(store.jobWork),
        news: new JobNews({ record: async (events) => told.push(...events.map(({ type }) => type)) > 0 }, store.jobs),
        logger: createLogger("silent", { write: () => undefined }),
        retention: 1_000,
        clock: systemClock,
      });
      let told: string[] = [];
      beforeEach(() => {
        told = [];
      });

      test("deletes jobs past their retention with all they had, and no others", async () => {
        const [old, recent] = [await waiting(3), await waiting(3)];
        await store.jobs.cancel(old);
        await Bun.sleep(20);
        await clearUp({ ...options(), retention: 10 });
        expect(await store.jobs.get(old)).toBeUndefined();
        expect(await store.jobContent.files(old, 0, 10)).toEqual([]);
        expect(await store.jobs.get(recent)).toBeDefined();
        expect(await store.jobContent.files(recent, 0, 10)).toHaveLength(3);
      });

      test("removes folders nobody needs and uploads whose process is gone, and leaves the others", async () => {
        const root = join(folder, "jobs");
        const [upload, broken] = [ulid(), ulid()];
        await store.jobs.reserve({ id: upload, owner: "living", leaseUntil: LATER(), limit: undefined });
        await store.jobs.reserve({ id: broken, owner: "gone", leaseUntil: EARLIER(), limit: undefined });
        const [job, ended] = [await waiting(), await waiting()];
        await store.jobs.cancel(ended);
        for (const id of [upload, broken, job, ended, ulid(), "something-else"])
          await mkdir(join(root, id), { recursive: true });
        await clearUp(options());
        expect((await readdir(root)).sort()).toEqual([upload, job, "something-else"].sort());
        expect(await store.jobs.deletable()).toEqual([]);
      });

      test("tells what a process that ended has left untold, once", async () => {
        const id = await waiting();
        await store.jobs.cancel(id);
        await clearUp(options());
        expect(told).toEqual(["job.created", "job.cancelled"]);
        await clearUp(options());
        expect(told).toHaveLength(2);
      });
    });
  });
}
