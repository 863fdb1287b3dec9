/** Three times more requests than the machine can answer: who is refused must know at once, who is taken must be served. */
import { hdPictures } from "../pictures.ts";
import { checkAnswers, startService } from "../service/service.ts";
import { PIPELINES } from "../setup.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const TIMES = 3;
/** Milliseconds within which 99 of 100 refusals must have been read. */
const MOST_REFUSAL = 50;
/** Share of the accepted requests that must be answered by their deadline. */
const LEAST_KEPT = 1;

export const overload: BenchGroup = {
  name: "overload",
  about: `${TIMES} times the rate the server answers, for longer than its queue lasts`,
  async measure({ setup, quick, progress }) {
    progress("overload: starting the server");
    const service = await startService(setup);
    try {
      const { server, load } = service;
      await service.use(await hdPictures("one-face"));
      const warm = await load.ask({ type: "closed", connections: 32, forMs: quick ? 2000 : 4000 });
      checkAnswers(warm);
      const capacity = (1000 * warm.answered.count) / warm.elapsedMs;
      progress(`overload: ${Math.round(TIMES * capacity)} requests/s`);
      await server.ask({ type: "watch" });
      const report = await load.ask({ type: "open", perSecond: TIMES * capacity, forMs: quick ? 8000 : 20_000 });
      const stall = await server.ask({ type: "unwatch" });
      const { answered, refused, failed } = report;
      const accepted = answered.count + Object.values(failed).reduce((sum, count) => sum + count, 0);
      const deadline = Math.min(...PIPELINES.map((name) => setup.plans.get(name)!.deadlineMs));
      const late = Object.entries(failed).map(([status, count]) => `${count} with ${status}`);
      return [
        {
          name: "answered",
          value: (1000 * answered.count) / report.elapsedMs,
          unit: "requests/s",
          note: `offered ${Math.round(TIMES * capacity)}, refused ${refused.count} of ${refused.count + accepted}; ${Math.round(capacity)} without overload`,
        },
        {
          name: "refusals: p99",
          value: refused.p99Ms,
          unit: "ms",
          target: { most: MOST_REFUSAL },
          note: `median ${refused.medianMs.toFixed(1)} ms, longest ${Math.round(refused.mostMs)} ms, as the client sees it`,
        },
        {
          name: "accepted: share answered by the deadline",
          value: answered.mostMs <= deadline ? answered.count / accepted : 0,
          unit: "",
          target: { least: LEAST_KEPT },
          note: `deadline ${deadline} ms; p99 ${Math.round(answered.p99Ms)} ms, longest ${Math.round(answered.mostMs)} ms${late.length > 0 ? `; failed ${late.join(", ")}` : ""}`,
        },
        { name: "main thread: p99 stall", value: stall.p99, unit: "ms", note: `longest ${Math.round(stall.most)} ms` },
      ] satisfies GroupRow[];
    } finally {
      await service.stop();
    }
  },
};
