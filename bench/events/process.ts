/** Follows events with many WebSockets: in a process of its own, because the server's main thread is what is measured. */
import type { PublishedEvent } from "../../src/events/event-text.ts";
import type { SubscriptionMessage } from "../../src/events/messages.ts";
import { quantile } from "../statistics.ts";
import type { DeliveryReport, SubscribersOrder } from "./protocol.ts";
import { isWished, toldEvent, type Wish, wishOf } from "./told.ts";

/** WebSockets that are being opened at a time. */
const OPENING = 50;
/** Milliseconds that stragglers get. */
const PATIENCE = 10_000;

/** One WebSocket and the numbers of the events that came on it. */
interface Follower {
  readonly wish: Wish;
  readonly numbers: number[];
}

const followers: Follower[] = [];
let latencies: number[] = [];

function follow(url: string, subscriber: number): Promise<void> {
  const wish = wishOf(subscriber);
  const numbers: number[] = [];
  followers.push({ wish, numbers });
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/events?${new URLSearchParams({ ...wish })}`);
  return new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as PublishedEvent | SubscriptionMessage;
      if ("item" in message) {
        latencies.push(Date.now() - Date.parse(message.time));
        numbers.push(message.item ?? -1);
      } else if (message.type === "subscription.started") resolve();
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`a subscription was closed: ${code} ${reason}`));
  });
}

async function subscribe(url: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += OPENING) {
    const some = Array.from({ length: Math.min(OPENING, count - from) }, (_, i) => follow(url, from + i));
    await Promise.all(some);
  }
}

async function report(from: number, to: number): Promise<DeliveryReport> {
  const events = Array.from({ length: to - from }, (_, i) => ({ number: from + i, event: toldEvent(from + i) }));
  const wanted = followers.map(({ wish }) =>
    events.filter(({ event }) => isWished(wish, event)).map(({ number }) => number),
  );
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
      await subscribe(order.url, order.count);
      process.send?.({ type: "subscribe" });
      return;
    case "report":
      process.send?.({ type: "report", ...(await report(order.from, order.to)) });
      return;
  }
});
process.once("disconnect", () => process.exit());
process.send?.({ type: "ready" });
