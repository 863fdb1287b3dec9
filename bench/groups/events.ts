/** Whether everybody who follows events gets theirs, soon, and what that costs the main thread. */
import { measureDelivery } from "../events/delivery.ts";
import { deliveryRows, RATE, SUBSCRIBERS } from "../events/delivery-rows.ts";
import { startServer } from "../service/service.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

export const events: BenchGroup = {
  name: "events",
  about: `${RATE} events a second to ${SUBSCRIBERS.toLocaleString("en")} WebSockets with different filters; events stored a second`,
  async measure({ setup, quick, progress }) {
    progress("events: starting the server");
    const { server, url, stop } = await startServer(setup);
    try {
      const forMs = quick ? 5000 : 20_000;
      const told = (text: string) => progress(`events: ${text}`);
      const delivery = await measureDelivery({ server, url, since: "recorded", forMs, progress: told });
      progress("events: storing");
      const pushMs = quick ? 2000 : 5000;
      const recorded = await server.ask({ type: "push", into: "recorder", forMs: pushMs });
      const appended = await server.ask({ type: "push", into: "database", forMs: pushMs });
      const perSecond = ({ events, elapsedMs }: typeof recorded) => (1000 * events) / elapsedMs;
      return [
        ...deliveryRows(delivery),
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
      await stop();
    }
  },
};
