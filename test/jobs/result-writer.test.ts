/** What a job acknowledges, and when. */
import { expect, test } from "bun:test";
import { ResultWriter } from "../../src/jobs/result-writer.ts";
import type { JobRecord } from "../../src/store/job-record.ts";
import type { JobWork } from "../../src/store/job-work.ts";
import { settle } from "../support/settle.ts";

test("a result is not committed before the events of all results so far are stored", async () => {
  const stored = Promise.withResolvers<void>();
  const committed: number[] = [];
  const writer = new ResultWriter({
    job: {
      id: "j",
      counts: { ok: 0, no_face: 0, rejected: 0, failed: 0 },
      nextFile: 0,
      versions: [],
    } as never as JobRecord,
    holding: {} as never,
    work: {
      commit: async (_holding: unknown, { results }: { results: readonly unknown[] }) => {
        committed.push(results.length);
        return true;
      },
    } as never as JobWork,
    cutOff: new AbortController().signal,
    aggregated: () => [],
    told: () => stored.promise,
    onCommit: () => {},
  });
  await writer.add(0, { index: 0, name: "a", status: "no_face", faces: [] }, undefined, true);
  const flushed = writer.flush();
  await settle();
  expect(committed).toEqual([]);
  stored.resolve();
  await flushed;
  expect(committed).toEqual([1]);
  writer.close();
});
