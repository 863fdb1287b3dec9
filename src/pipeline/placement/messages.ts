/** What the processes of an installation say to each other about groups, and under which subjects. */
import { type Static, Type } from "@sinclair/typebox";
import type { Bus } from "../../bus/bus.ts";
import type { WireValue } from "../../bus/wire.ts";
import { FacewireError } from "../../errors.ts";
import { checkerOf, PlanSchema, Word } from "./schemas.ts";

/** Members say here who they are: when they come, every second, when somebody asks, and when they leave. */
export const HELLO = "inference.hello";
/** Processes that want work done ask here who is there. */
export const WHO = "inference.who";

/** Says something to all who listen, if the bus stands: what is missed is said again. */
export function announce(bus: Bus, subject: string, body: WireValue): void {
  if (bus.status.kind !== "connected") return;
  try {
    bus.publish(subject, body);
  } catch (thrown) {
    // Lost between the question and the call.
    if (FacewireError.from(thrown).code !== "bus_unavailable") throw thrown;
  }
}

/** What a member is asked (`run`, `define`, `alive`) or told (`forget`, `cancel`). */
export type Verb = "run" | "define" | "alive" | "forget" | "cancel";

/** Where one member listens; `*` for all verbs. */
export function memberSubject(member: string, verb: Verb | "*"): string {
  return `inference.member.${member}.${verb}`;
}

const Id = Type.String({ pattern: "^[0-9A-Za-z-]{1,64}$" });
const Digests = Type.Record(Type.String(), Type.String());

const Hello = Type.Object({
  member: Id,
  /** Host name, for people. */
  host: Type.String({ maxLength: 255 }),
  pid: Type.Integer(),
  groups: Type.Array(Word, { maxItems: 1024 }),
  /** Threads that compute side by side. */
  threads: Type.Integer({ minimum: 1, maximum: 4096 }),
  /** Items each thread is given at once. */
  itemsPerThread: Type.Integer({ minimum: 1, maximum: 64 }),
  leaving: Type.Boolean(),
});
const Who = Type.Object({ from: Id });
const Define = Type.Object({
  from: Id,
  key: Word,
  plan: PlanSchema,
  /** Digests of the model cards and stage kinds it was planned with, by name. */
  cards: Digests,
  kinds: Digests,
});
const Forget = Type.Object({ from: Id, key: Word });
const Cancel = Type.Object({ run: Word });
const Run = Type.Object({
  from: Id,
  /** Unique among all tries of all items: the same one means the same try again. */
  run: Word,
  key: Word,
  /** Milliseconds that are left: clocks of machines differ, so a time of day would say something else there. */
  within: Type.Number(),
  priority: Type.Integer({ minimum: 0, maximum: 9 }),
  alone: Type.Boolean(),
  /** The task, in the message or beside it: see `parcels.ts`. */
  task: Type.Unknown(),
});

export type Hello = Static<typeof Hello>;
export type Define = Static<typeof Define>;
export type Run = Static<typeof Run>;

/** Each throws `message_invalid` for what is not of its form. */
export const checkHello = checkerOf(Hello);
export const checkWho = checkerOf(Who);
export const checkDefine = checkerOf(Define);
export const checkForget = checkerOf(Forget);
export const checkCancel = checkerOf(Cancel);
export const checkRun = checkerOf(Run);
