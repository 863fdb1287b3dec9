/** Lets a server tell events that no picture was behind: what storing and handing out take is measured by itself. */
import type { App } from "../../src/app.ts";
import type { EventRow } from "../../src/store/events.ts";
import { lunaEvent } from "../events/luna-told.ts";
import { EVENTS_A_REQUEST, toldEvent } from "../events/told.ts";
import type { ServiceAnswers, ServiceOrder } from "./protocol.ts";

/** Requests that tell at the same time while events are pushed. */
const PUSHING = 256;
/** Events in one transaction, as the recorder has them at most. */
const TOGETHER = 128;
/** Milliseconds between looks whether a request is due. */
const LOOK_MS = 2;

/** Tells the events of requests that end one after the other; resolves when the last one is stored. */
export async function tell(
  { events, health, store }: App,
  { from, perSecond, forMs, account }: Extract<ServiceOrder, { type: "tell" }>,
): Promise<ServiceAnswers["tell"]> {
  const total = Math.floor((perSecond * forMs) / 1000 / EVENTS_A_REQUEST) * EVENTS_A_REQUEST;
  const owner = account === undefined ? undefined : await store.gallery.accounts.byEmail(account);
  const together = owner ? 1 : EVENTS_A_REQUEST;
  const lostBefore = await lostBy(health);
  const start = performance.now();
  const stored: Promise<boolean>[] = [];
  for (let told = 0; told < total; ) {
    const due = ((performance.now() - start) * perSecond) / 1000;
    for (; told < total && told <= due; told += together) {
      stored.push(
        owner ? events.recorder.record([lunaEvent(from + told, owner.id)]) : tellRequest(events.recorder, from + told),
      );
    }
    await Bun.sleep(LOOK_MS);
  }
  await Promise.all(stored);
  return { to: from + total, lost: (await lostBy(health)) - lostBefore };
}

/** Tells or stores as many events as are taken. */
export async function push(
  { events, store }: App,
  { into, forMs }: Extract<ServiceOrder, { type: "push" }>,
): Promise<ServiceAnswers["push"]> {
  const start = performance.now();
  const more = () => performance.now() - start < forMs;
  let count = 0;
  if (into === "database") {
    for (; more(); count += TOGETHER) await store.events.append(rows(count));
  } else {
    let next = 0;
    await Promise.all(
      Array.from({ length: PUSHING }, async () => {
        while (more()) {
          await tellRequest(events.recorder, EVENTS_A_REQUEST * next++);
          count += EVENTS_A_REQUEST;
        }
      }),
    );
  }
  return { events: count, elapsedMs: performance.now() - start };
}

/** As a request does: what its item says, then its end, which its answer waits for. */
function tellRequest(recorder: App["events"]["recorder"], first: number): Promise<boolean> {
  const events = Array.from({ length: EVENTS_A_REQUEST }, (_, i) => toldEvent(first + i));
  void recorder.record(events.slice(0, -1));
  return recorder.record(events.slice(-1));
}

function rows(from: number): EventRow[] {
  return Array.from({ length: TOGETHER }, (_, i) => {
    const { type, pipeline, request, item, verdict, data } = toldEvent(from + i);
    const none = { key: undefined, job: undefined, frame: undefined, account: undefined };
    return { ...none, time: Date.now(), type, pipeline, request, item, verdict, data: JSON.stringify(data) };
  });
}

async function lostBy(health: App["health"]): Promise<number> {
  return Number((await health()).events?.details?.lost ?? 0);
}
