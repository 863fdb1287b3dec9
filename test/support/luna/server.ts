/** A server of the testing kit that speaks the LUNA dialect on a free port. */
import { startTestServer, type TestServer, type TestServerOptions } from "../../../src/testing/index.ts";
import { LunaClient } from "./client.ts";

/** A running server; itself a client of the dialect without credentials. */
export class LunaServer extends LunaClient implements AsyncDisposable {
  /** For what cannot be seen from outside, and for the native API. */
  readonly server: TestServer;

  constructor(server: TestServer) {
    super(server.app.lunaUrl ?? "");
    this.server = server;
  }

  /** May be called again. */
  stop(): Promise<void> {
    return this.server.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts it; takes what `startTestServer` takes. */
export async function startLuna(options: TestServerOptions = {}): Promise<LunaServer> {
  const { settings = {} } = options;
  const listen = { ...settings.listen, luna: "127.0.0.1:0" };
  return new LunaServer(await startTestServer({ ...options, settings: { ...settings, listen } }));
}
