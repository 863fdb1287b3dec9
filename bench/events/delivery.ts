/** One measurement of how events reach those who follow them, the same for every API that has subscribers. */
import { join } from "node:path";
import { Child } from "../child.ts";
import type { Server } from "../service/service.ts";
import { type DeliveryRound, RATE, SUBSCRIBERS } from "./delivery-rows.ts";
import type { SubscribersAnswers, SubscribersOrder } from "./protocol.ts";

/** For this long the stalls are watched while nothing happens: what the machine does by itself. */
const IDLE_MS = 3000;
const WARM_UP_MS = 3000;

/** What is measured. */
export interface DeliveryOptions {
  readonly server: Server["server"];
  /** Whose events are told and followed; those of the server when absent. */
  readonly account?: { readonly token: string; readonly email: string };
  /** Where subscribers connect. */
  readonly url: string;
  /** What delays are counted from, such as `told`. */
  readonly since: string;
  /** Milliseconds. */
  readonly forMs: number;
  readonly progress: (text: string) => void;
}

/** Subscribes, tells events for a while, and reports; all subscribers are gone afterwards. */
export async function measureDelivery(options: DeliveryOptions): Promise<DeliveryRound> {
  const { server, account, url, since, forMs, progress } = options;
  const { child: subscribers } = await Child.start<SubscribersOrder, SubscribersAnswers>(
    join(import.meta.dirname, "process.ts"),
  );
  try {
    const { token } = account ?? {};
    await subscribers.ask({ type: "subscribe", url, count: SUBSCRIBERS, ...(token === undefined ? {} : { token }) });
    const round = async (from: number, roundMs: number) => {
      const whose = account ? { account: account.email } : {};
      await server.ask({ type: "watch" });
      const told = await server.ask({ type: "tell", from, perSecond: RATE, forMs: roundMs, ...whose });
      const stall = await server.ask({ type: "unwatch" });
      return { ...told, stall, report: await subscribers.ask({ type: "report", from, to: told.to }) };
    };
    await server.ask({ type: "watch" });
    await Bun.sleep(IDLE_MS);
    const idle = await server.ask({ type: "unwatch" });
    progress("warming up");
    const from = (await round(0, WARM_UP_MS)).to;
    progress("measuring");
    return { since, forMs, from, idle, ...(await round(from, forMs)) };
  } finally {
    await subscribers.end();
  }
}
