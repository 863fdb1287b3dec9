/** Whether everybody who follows events gets theirs, soon, and what that costs the main thread. */
import { join } from "node:path";
import { Child } from "../child.ts";
import { deliveryRows, RATE, SUBSCRIBERS } from "../events/delivery-rows.ts";
import type { SubscribersAnswers, SubscribersOrder } from "../events/protocol.ts";
import { startServer } from "../service/service.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

/** For this long the stalls are watched while nothing happens: what the machine does by itself. */
const IDLE_MS = 3000;

export const events: BenchGroup = {
  name: "events",
  about: `${RATE} events a second to ${SUBSCRIBERS.toLocaleString("en")} WebSockets with different filters; events stored a second`,
  async measure({ setup, quick, progress }) {
    progress("events: starting the server");
    const { server, url, stop } = await startServer(setup);
    const { child: subscribers } = await Child.start<SubscribersOrder, SubscribersAnswers>(
      join(import.meta.dirname, "../events/process.ts"),
    );
    let following = true;
    const leave = async () => {
      if (following) await subscribers.end();
      following = false;
    };
    try {
      await subscribers.ask({ type: "subscribe", url, count: SUBSCRIBERS });
      const round = async (from: number, forMs: number) => {
        await server.ask({ type: "watch" });
        const told = await server.ask({ type: "tell", from, perSecond: RATE, forMs });
        const stall = await server.ask({ type: "unwatch" });
        const report = await subscribers.ask({ type: "report", from, to: told.to });
        return { told, stall, report };
      };
      await server.ask({ type: "watch" });
      await Bun.sleep(IDLE_MS);
      const idle = await server.ask({ type: "unwatch" });
      progress("events: warming up");
      const warm = await round(0, 3000);
      progress("events: measuring");
      const forMs = quick ? 5000 : 20_000;
      const { told, stall, report } = await round(warm.told.to, forMs);
      await leave();
      progress("events: storing");
      const pushMs = quick ? 2000 : 5000;
      const recorded = await server.ask({ type: "push", into: "recorder", forMs: pushMs });
      const appended = await server.ask({ type: "push", into: "database", forMs: pushMs });
      const perSecond = ({ events, elapsedMs }: typeof recorded) => (1000 * events) / elapsedMs;
      return [
        ...deliveryRows({ since: "recorded", forMs, from: warm.told.to, ...told, report, stall, idle }),
        {
          name: "stored when pushed",
          value: perSecond(recorded),
          unit: "events/s",
          note: "through the recorder, which leaves the main thread four fifths of its time",
        },
        {
          name: "stored by the database alone",
          value: perSecond(appended),
          unit: "events/s",
          note: "128 in a transaction, one after the other",
        },
      ] satisfies GroupRow[];
    } finally {
      await leave();
      await stop();
    }
  },
};
