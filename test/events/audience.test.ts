import { expect, test } from "bun:test";
import { Audience, matches } from "../../src/events/audience.ts";
import type { EventFilter } from "../../src/store/events.ts";
import { storedEvent } from "./stored.ts";

const FILTERS: readonly EventFilter[] = [
  {},
  { types: ["face.liveness"] },
  { types: ["face.liveness", "item.completed"], verdicts: ["spoof"] },
  { pipelines: ["gate", "door"] },
  { pipelines: ["door"], types: ["item.completed"] },
  { requests: ["r1", "r2"], pipelines: ["gate"] },
  { requests: ["r2"], verdicts: ["live", "spoof"] },
  { verdicts: ["live", "live"] },
  { account: "a" },
  { account: "a", types: ["face.liveness", "item.completed"] },
  { account: "a", types: ["item.completed"], requests: ["r1"] },
  { account: "b", types: ["item.completed"] },
];

const EVENTS = ["face.liveness", "item.completed", "request.failed"].flatMap((type) =>
  ["gate", "door", undefined].flatMap((pipeline) =>
    ["r1", "r2", undefined].flatMap((request) =>
      ["live", "spoof", undefined].flatMap((verdict) =>
        ["a", "b", undefined].map((account) => storedEvent(1, { type, pipeline, request, verdict, account })),
      ),
    ),
  ),
);

test("an event finds each listener whose filter it fits once, and nobody else", () => {
  const audience = new Audience<{ filter: EventFilter }>();
  const listeners = FILTERS.map((filter) => ({ filter }));
  for (const listener of listeners) audience.add(listener);
  for (const event of EVENTS) {
    const found: object[] = [];
    audience.find(event, (listener) => found.push(listener));
    const expected = listeners.filter(({ filter }) => matches(filter, event));
    expect(found).toHaveLength(expected.length);
    expect(new Set(found)).toEqual(new Set(expected));
  }
});

test("a filter means events that have one of its values in every list it has", () => {
  const event = storedEvent(1, { type: "face.liveness", pipeline: "gate", request: "r1", verdict: "live" });
  const natives = FILTERS.filter(({ account }) => account === undefined);
  expect(natives.map((filter) => matches(filter, event))).toEqual([true, true, false, true, false, true, false, true]);
  expect(matches({ verdicts: ["live"] }, storedEvent(1))).toBe(false);
});

test("events of an account are for its own listeners alone, and those of the server for no account's", () => {
  const own = storedEvent(1, { type: "item.completed", request: "r1", account: "a" });
  expect(FILTERS.filter((filter) => matches(filter, own)).map(({ account }) => account)).toEqual(["a", "a", "a"]);
  const server = storedEvent(1, { type: "item.completed", request: "r1" });
  expect(FILTERS.filter((filter) => matches(filter, server)).some(({ account }) => account !== undefined)).toBe(false);
});

test("a listener that left is not found, and leaving twice changes nothing", () => {
  const audience = new Audience<{ filter: EventFilter }>();
  const [gone, stays] = [{ filter: { pipelines: ["gate"] } }, { filter: { pipelines: ["gate"] } }];
  audience.add(gone);
  audience.add(stays);
  audience.delete(gone);
  audience.delete(gone);
  const found: object[] = [];
  audience.find(storedEvent(1), (listener) => found.push(listener));
  expect(found).toEqual([stays]);
  expect(audience.size).toBe(1);
});
