/** What both APIs promise those who follow events, and the rows that tell how it was kept. */
import type { GroupRow } from "../groups/group.ts";
import type { ServiceAnswers } from "../service/protocol.ts";
import type { DeliveryReport } from "./protocol.ts";

export const SUBSCRIBERS = 1000;
/** Events a second. */
export const RATE = 200;
/** Milliseconds from an event's time until 99 of 100 subscribers have read it. */
const MOST_LATENCY = 100;
/** Milliseconds that the main thread's event loop may be late, 99 times in 100. */
const MOST_STALL = 20;

/** What was seen while events were told for a while. */
export interface DeliveryRound {
  /** What delays are counted from, such as `told`. */
  readonly since: string;
  /** Milliseconds. */
  readonly forMs: number;
  /** Numbers of the first event and of the first that was not told any more. */
  readonly from: number;
  readonly to: number;
  /** Events that the server could not keep. */
  readonly lost: number;
  readonly report: DeliveryReport;
  readonly stall: ServiceAnswers["unwatch"];
  /** The same while nothing was told. */
  readonly idle: ServiceAnswers["unwatch"];
}

/** The rows, in the order of the table. */
export function deliveryRows(round: DeliveryRound): readonly GroupRow[] {
  const { missing, wrong, deliveries } = round.report;
  return [
    {
      name: "deliveries lost, doubled or out of order",
      value: round.lost + missing + wrong,
      unit: "",
      target: { most: 0 },
      note: `of ${deliveries.toLocaleString("en")}; ${SUBSCRIBERS.toLocaleString("en")} subscribers, each checked against its filter`,
    },
    {
      name: "delivered",
      value: (1000 * deliveries) / round.forMs,
      unit: "events/s",
      note: `${RATE} a second told; ${(deliveries / (round.to - round.from)).toFixed(0)} subscribers want each, in the middle`,
    },
    {
      name: `from ${round.since} to received: p99`,
      value: round.report.p99Ms,
      unit: "ms",
      target: { most: MOST_LATENCY },
      note: `stored before; median ${round.report.medianMs.toFixed(0)} ms, longest ${round.report.mostMs.toFixed(0)} ms, by a process that shares the cores`,
    },
    {
      name: "main thread: p99 stall",
      value: round.stall.p99,
      unit: "ms",
      target: { most: MOST_STALL },
      note: `of ticks every 5 ms; longest ${Math.round(round.stall.most)} ms; p99 ${round.idle.p99.toFixed(1)} ms while nothing is told`,
    },
    {
      name: "CPU time of the server",
      value: round.stall.cpuMs / (round.forMs / 1000),
      unit: "ms/s",
      note: `${((1000 * round.stall.cpuMs) / deliveries).toFixed(0)} µs a delivery, storing and telling included`,
    },
  ];
}
