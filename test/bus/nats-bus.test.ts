import { afterAll, beforeAll, describe } from "bun:test";
import type { NatsBusOptions } from "../../src/bus/nats/open.ts";
import { openNatsBus } from "../../src/bus/nats/open.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { describeBus } from "./bus-suite.ts";

describe.skipIf(!hasNatsServer())("over a real nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server?.stop());

  let prefixes = 0;
  const open = (prefix: string, options: Partial<NatsBusOptions> = {}) =>
    openNatsBus({ url: server.url, prefix, replicas: 1, startTimeoutMs: 5000, onWarning: () => {}, ...options });

  describeBus("the bus over NATS passes the bus suite", {
    create: async () => {
      const prefix = `test-${prefixes++}`;
      const [bus, peer] = await Promise.all([open(prefix), open(prefix)]);
      return {
        bus,
        peer,
        dispose: async () => {
          await Promise.all([bus.close(), peer.close()]);
        },
      };
    },
    features: {
      persistence: { reopen: () => open(`test-${prefixes - 1}`) },
      broker: { stop: () => server.kill(), start: () => server.start() },
    },
  });
});
