/** Whether everybody who follows an account of the LUNA API gets theirs, soon, and what that costs the main thread. */
import { measureDelivery } from "../events/delivery.ts";
import { deliveryRows, RATE, SUBSCRIBERS } from "../events/delivery-rows.ts";
import { startServer } from "../service/service.ts";
import type { BenchGroup } from "./group.ts";

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
    try {
      const url = lunaUrl ?? "";
      const account = { email: EMAIL, token: await newAccount(url) };
      const forMs = quick ? 5000 : 20_000;
      const told = (text: string) => progress(`luna-events: ${text}`);
      return deliveryRows(await measureDelivery({ server, account, url, since: "told", forMs, progress: told }));
    } finally {
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
