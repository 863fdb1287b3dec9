/** Follows events with many WebSockets: in a process of its own, because the server's main thread is what is measured. */
import type { PublishedEvent } from "../../src/events/event-text.ts";
import type { SubscriptionMessage } from "../../src/events/messages.ts";
import { quantile } from "../statistics.ts";
import { isLunaWished, type LunaWish, lunaWishOf, readLunaEvent } from "./luna-told.ts";
import type { DeliveryReport, SubscribersOrder } from "./protocol.ts";
import { isWished, toldEvent, type Wish, wishOf } from "./told.ts";

/** WebSockets that are being opened at a time. */
const OPENING = 50;
/** Milliseconds that stragglers get. */
const PATIENCE = 10_000;

/** One WebSocket and the numbers of the events that came on it. */
interface Follower {
  /** Whether the event of a number has to come. */
  readonly wants: (number: number) => boolean;
  readonly numbers: number[];
}

const followers: Follower[] = [];
let latencies: number[] = [];

function follow(url: string, subscriber: number, token: string | undefined): Promise<void> {
  const numbers: number[] = [];
  const came = (number: number, time: number) => {
    latencies.push(Date.now() - time);
    numbers.push(number);
  };
  const address = url.replace("http", "ws");
  return new Promise((resolve, reject) => {
    const socket =
      token === undefined
        ? followNative(address, wishOf(subscriber), came, resolve)
        : followLuna(address, token, lunaWishOf(subscriber), came, resolve);
    const wants =
      token === undefined
        ? (number: number) => isWished(wishOf(subscriber), toldEvent(number))
        : (number: number) => isLunaWished(lunaWishOf(subscriber), number);
    followers.push({ wants, numbers });
    socket.onclose = ({ code, reason }) => reject(new Error(`a subscription was closed: ${code} ${reason}`));
  });
}

/** Calls `came` with the number and the time of each event, `begun` when the first message says so. */
function followNative(url: string, wish: Wish, came: (number: number, time: number) => void, begun: () => void) {
  const socket = new WebSocket(`${url}/v1/events?${new URLSearchParams({ ...wish })}`);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as PublishedEvent | SubscriptionMessage;
    if ("item" in message) came(message.item ?? -1, Date.parse(message.time));
    else if (message.type === "subscription.started") begun();
  };
  return socket;
}

/** Types of some dependency hide that Bun's WebSocket takes headers. */
const SocketWithHeaders = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket;

function followLuna(
  url: string,
  token: string,
  wish: LunaWish,
  came: (number: number, time: number) => void,
  begun: () => void,
) {
  const address = `${url}/4/ws?${new URLSearchParams({ ...wish })}`;
  const socket = new SocketWithHeaders(address, { headers: { "x-auth-token": token } });
  socket.onopen = begun;
  socket.onmessage = ({ data }) => {
    const { number, time } = readLunaEvent(String(data));
    came(number, time);
  };
  return socket;
}

async function subscribe(url: string, count: number, token: string | undefined): Promise<void> {
  for (let from = 0; from < count; from += OPENING) {
    const some = Array.from({ length: Math.min(OPENING, count - from) }, (_, i) => follow(url, from + i, token));
    await Promise.all(some);
  }
}

/** Opens and closes WebSockets, each with filters of its own. */
async function pass(url: string, count: number, token: string): Promise<void> {
  let next = 0;
  const one = (subscriber: number) =>
    new Promise<void>((resolve, reject) => {
      const address = `${url.replace("http", "ws")}/4/ws?${new URLSearchParams({ ...lunaWishOf(subscriber) })}`;
      const socket = new SocketWithHeaders(address, { headers: { "x-auth-token": token } });
      socket.onopen = () => {
        socket.onclose = () => resolve();
        socket.close();
      };
      socket.onclose = ({ code, reason }) => reject(new Error(`a subscription was refused: ${code} ${reason}`));
    });
  await Promise.all(
    Array.from({ length: OPENING }, async () => {
      while (next < count) await one(next++);
    }),
  );
}

async function report(from: number, to: number): Promise<DeliveryReport> {
  const told = Array.from({ length: to - from }, (_, i) => from + i);
  const wanted = followers.map(({ wants }) => told.filter(wants));
  const patientUntil = performance.now() + PATIENCE;
  const complete = () => followers.every(({ numbers }, i) => numbers.length >= wanted[i]!.length);
  while (!complete() && performance.now() < patientUntil) await Bun.sleep(10);
  let [deliveries, missing, wrong] = [0, 0, 0];
  for (const [i, { numbers }] of followers.entries()) {
    const came = numbers.splice(0);
    const right = inOrder(came, wanted[i]!);
    deliveries += came.length;
    missing += wanted[i]!.length - right;
    wrong += came.length - right;
  }
  const ms = latencies;
  latencies = [];
  return {
    deliveries,
    missing,
    wrong,
    medianMs: quantile(ms, 0.5),
    p99Ms: quantile(ms, 0.99),
    mostMs: quantile(ms, 1),
  };
}

/** How many of the wanted numbers came, each behind those wanted before it. */
function inOrder(came: readonly number[], wanted: readonly number[]): number {
  let next = 0;
  let right = 0;
  for (const number of came) {
    const at = wanted.indexOf(number, next);
    if (at === -1) continue;
    next = at + 1;
    right++;
  }
  return right;
}

process.on("message", async (order: SubscribersOrder) => {
  switch (order.type) {
    case "subscribe":
      await subscribe(order.url, order.count, order.token);
      process.send?.({ type: "subscribe" });
      return;
    case "pass":
      await pass(order.url, order.count, order.token);
      process.send?.({ type: "pass" });
      return;
    case "report":
      process.send?.({ type: "report", ...(await report(order.from, order.to)) });
      return;
  }
});
process.once("disconnect", () => process.exit());
process.send?.({ type: "ready" });
