/** Opens the bus on NATS. */
import { type ConnectionOptions, connect, ErrorCode, type NatsConnection, NatsError } from "nats";
import { FacewireError } from "../../errors.ts";
import type { BusMessage } from "../bus.ts";
import { type Clock, systemClock } from "../clock.ts";
import { type NatsAddresses, readAddresses } from "./addresses.ts";
import type { MalformedTaker } from "./malformed.ts";
import { NatsBus } from "./nats-bus.ts";
import { watchPermissions } from "./permissions.ts";
import { checkServer } from "./server-check.ts";

/** How the bus is opened. */
export interface NatsBusOptions {
  /** `nats://host:port`, several separated by commas; credentials may be in it. `tls://` asks for encryption. */
  readonly url: string;
  /** For servers that ask for a token. */
  readonly token?: string;
  /** First token of all subjects, streams and consumers: lower-case letters, digits and dashes. */
  readonly prefix: string;
  /** Servers of a cluster that keep a copy of queued work; 1 to 5. */
  readonly replicas: number;
  /** Milliseconds to wait for a server that is not there yet. */
  readonly startTimeoutMs: number;
  /** What the server's monitoring shows for this connection. */
  readonly name?: string;
  /** Told once what is wrong with the server or what it forbids: see `checkServer` and `watchPermissions`. */
  readonly onWarning: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** Takes what could not be read; it is counted in any case. */
  readonly onMalformed?: MalformedTaker;
  /** Told what handlers throw; for logs. */
  readonly onHandlerError?: (error: unknown, message: BusMessage) => void;
  /** Pieces of work a queue stores; 100,000 by default. */
  readonly maxStored?: number;
  /** Milliseconds for which the id of accepted work is recognised; two minutes by default. */
  readonly dedupeWindow?: number;
  /** Milliseconds after which the work of a process that died goes to another; 10 s by default. */
  readonly ackWait?: number;
  /** Port of the server's monitoring; 8222 by default. */
  readonly monitoringPort?: number;
  readonly clock?: Clock;
  /** Chance for jitter, 0..1. */
  readonly random?: () => number;
}

/** Longest wait for one attempt to connect, in milliseconds. */
const CONNECT_PATIENCE = 5000;

/** Wait between attempts, in milliseconds: half of it by chance, so that all processes do not come at once. */
const RECONNECT_WAIT = 400;

/** The server is asked for a sign of life every second; after two without one, it is taken for lost. */
const PING_INTERVAL = 1000;
const MAX_PINGS_OUT = 2;

/**
 * Connects and opens the bus.
 *
 * @throws FacewireError `config_invalid` for an address of the wrong form; `bus_unavailable` when no server answers in time,
 * or as soon as one refuses the credentials
 */
export async function openNatsBus(options: NatsBusOptions): Promise<NatsBus> {
  const { clock = systemClock, random = Math.random } = options;
  const addresses = readAddresses(options.url, options.token);
  const connection = await connectInTime(addresses, options, clock, random);
  void watchPermissions(connection, options.prefix, ({ message, details }) => options.onWarning(message, details));
  const bus = new NatsBus({
    connection,
    prefix: options.prefix,
    replicas: options.replicas,
    maxStored: options.maxStored ?? 100_000,
    dedupeWindow: options.dedupeWindow ?? 120_000,
    ackWait: options.ackWait ?? 10_000,
    clock,
    random,
    onHandlerError: options.onHandlerError ?? (() => {}),
    onMalformed: options.onMalformed ?? (() => {}),
  });
  void warn(connection, bus, options);
  return bus;
}

/** Looks at the server beside the start, which does not wait for it. */
async function warn(connection: NatsConnection, bus: NatsBus, options: NatsBusOptions): Promise<void> {
  const { info } = connection;
  if (!info) return;
  const closing = new AbortController();
  const off = bus.onStatus(({ kind }) => kind === "closed" && closing.abort());
  const host = connection.getServer().replace(/:\d+$/, "");
  const warnings = await checkServer(info, host, closing.signal, options.monitoringPort);
  off();
  if (closing.signal.aborted) return;
  for (const { message, details } of warnings) options.onWarning(message, details);
}

async function connectInTime(
  addresses: NatsAddresses,
  options: NatsBusOptions,
  clock: Clock,
  random: () => number,
): Promise<NatsConnection> {
  const deadline = clock.now() + options.startTimeoutMs;
  for (;;) {
    try {
      return await connectBy(connectionOptions(addresses, options, random), deadline, clock);
    } catch (error) {
      const refused = error instanceof NatsError && error.isAuthError();
      const wait = reconnectWait(random);
      if (refused || clock.now() + wait >= deadline) throw cannotOpen(addresses, error, refused);
      await new Promise<void>((resolve) => clock.after(wait, resolve));
    }
  }
}

/** One attempt. Its own time limit is for attempts to reconnect too, so the deadline is another. */
async function connectBy(options: ConnectionOptions, deadline: number, clock: Clock): Promise<NatsConnection> {
  const tooLate = Promise.withResolvers<never>();
  const cancel = clock.after(deadline - clock.now(), () => tooLate.reject(NatsError.errorForCode(ErrorCode.Timeout)));
  const connecting = connect(options);
  try {
    return await Promise.race([connecting, tooLate.promise]);
  } catch (error) {
    // An attempt that still succeeds is one that nobody waits for.
    connecting.then((connection) => connection.close()).catch(() => {});
    throw error;
  } finally {
    cancel();
  }
}

function connectionOptions(
  { servers, tls, ...credentials }: NatsAddresses,
  { name, prefix }: NatsBusOptions,
  random: () => number,
): ConnectionOptions {
  return {
    servers: [...servers],
    ...credentials,
    ...(tls && { tls: {} }),
    name: name ?? prefix,
    timeout: CONNECT_PATIENCE,
    // Under the prefix, so that an account of the server can be allowed to do what is needed and no more.
    inboxPrefix: `${prefix}.i`,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => reconnectWait(random),
    pingInterval: PING_INTERVAL,
    maxPingOut: MAX_PINGS_OUT,
    // A server that is being set up anew may refuse for a while; giving up would need a restart of this process.
    ...{ ignoreAuthErrorAbort: true },
  };
}

function reconnectWait(random: () => number): number {
  return RECONNECT_WAIT * (1 - random() / 2);
}

function cannotOpen({ servers }: NatsAddresses, error: unknown, refused: boolean): FacewireError {
  const message = refused
    ? "The NATS server refuses the user, password or token."
    : `No NATS server answers at ${servers.join(", ")}.`;
  const reason = error instanceof NatsError ? error.code : ErrorCode.Unknown;
  return new FacewireError("bus_unavailable", message, { details: { servers, reason }, cause: error });
}
