/** Whether everybody who follows an account of the LUNA API gets theirs, soon, and what that costs the main thread. */
import { join } from "node:path";
import { Child } from "../child.ts";
import { deliveryRows, RATE, SUBSCRIBERS } from "../events/delivery-rows.ts";
import type { SubscribersAnswers, SubscribersOrder } from "../events/protocol.ts";
import { startServer } from "../service/service.ts";
import type { BenchGroup } from "./group.ts";

/** For this long the stalls are watched while nothing happens: what the machine does by itself. */
const IDLE_MS = 3000;
const EMAIL = "bench@example.org";

export const lunaEvents: BenchGroup = {
  name: "luna-events",
  about: `${RATE} events a second of one account to ${SUBSCRIBERS.toLocaleString("en")} WebSockets of the LUNA API with different filters`,
  async measure({ setup, quick, progress }) {
    progress("luna-events: starting the server");
    const { server, lunaUrl, stop } = await startServer(setup, {
      FACEWIRE_LISTEN_LUNA: "127.0.0.1:0",
      FACEWIRE_LUNA_SOCKETS: String(SUBSCRIBERS),
    });
    const { child: subscribers } = await Child.start<SubscribersOrder, SubscribersAnswers>(
      join(import.meta.dirname, "../events/process.ts"),
    );
    try {
      const url = lunaUrl ?? "";
      await subscribers.ask({ type: "subscribe", url, count: SUBSCRIBERS, token: await newAccount(url) });
      const round = async (from: number, forMs: number) => {
        await server.ask({ type: "watch" });
        const told = await server.ask({ type: "tell", from, perSecond: RATE, forMs, account: EMAIL });
        const stall = await server.ask({ type: "unwatch" });
        const report = await subscribers.ask({ type: "report", from, to: told.to });
        return { told, stall, report };
      };
      await server.ask({ type: "watch" });
      await Bun.sleep(IDLE_MS);
      const idle = await server.ask({ type: "unwatch" });
      progress("luna-events: warming up");
      const warm = await round(0, 3000);
      progress("luna-events: measuring");
      const forMs = quick ? 5000 : 20_000;
      const { told, stall, report } = await round(warm.told.to, forMs);
      return deliveryRows({ since: "told", forMs, from: warm.told.to, ...told, report, stall, idle });
    } finally {
      await subscribers.end();
      await stop();
    }
  },
};

/** Makes the account; its token. */
async function newAccount(url: string): Promise<string> {
  const body = JSON.stringify({ organization_name: "Bench", email: EMAIL, password: "bench bench" });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/4/accounts`, { method: "POST", headers, body });
  const { token } = (await response.json()) as { token?: string };
  if (token === undefined) throw new Error(`no account could be made: ${response.status}`);
  return token;
}
