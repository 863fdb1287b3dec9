/** An item's way through all legs of its pipeline: here or in another process, and what one leg leaves to the next. */
import { FacewireError } from "../errors.ts";
import type { Leg } from "./legs.ts";
import { type Plan, planKey, stagesOf } from "./plan.ts";
import type { ItemInput, ItemOutcome } from "./protocol.ts";
import type { PartHealth } from "./results.ts";
import type { ScheduledItem, Scheduler, SettledItem } from "./scheduler.ts";

/** An item that may run in several places. */
export interface DispatchedItem extends Omit<ScheduledItem, "plan" | "faces" | "carry"> {
  readonly legs: readonly Leg[];
}

/** The groups of processes elsewhere. */
export interface Groups {
  /**
   * Has the processes of a group take up a plan, those that come later too. Resolves when each that is there now has, or has
   * said why it cannot; never rejects.
   */
  define(group: string, plan: Plan): Promise<void>;
  /** Nothing more of the plan will be sent to the group. */
  forget(group: string, plan: Plan): void;
  /** What brings items to a group; made when it is first asked for. */
  scheduler(group: string): Scheduler;
  /** Throws `bus_unavailable` or `group_unavailable` when nobody of the group could take an item of the plan now. */
  check(group: string, plan: Plan): void;
  /** Parts by name: `bus` and `groups`. */
  health(): Readonly<Record<string, PartHealth>>;
}

/** What waits to be run where. */
interface OnItsWay {
  scheduler: Scheduler;
  cancelled: boolean;
}

/** See the file's head. */
export class Dispatcher {
  readonly #local: Scheduler;
  readonly #groups: Groups | undefined;
  readonly #items = new Map<string, OnItsWay>();

  constructor(local: Scheduler, groups: Groups | undefined) {
    this.#local = local;
    this.#groups = groups;
  }

  /** Throws what {@link Scheduler.admit} does for any of the legs, or what {@link Groups.check} does. */
  admit(legs: readonly Leg[], count: number, bytes: number, deadlineMs: number, priority?: number): void {
    for (const { group, plan } of legs) {
      if (group !== undefined) this.#groups?.check(group, plan);
      this.#schedulerOf(group).admit(plan, count, bytes, deadlineMs, priority ?? plan.priority);
    }
  }

  /** Takes items that were admitted. */
  submit(items: Iterable<DispatchedItem>): void {
    for (const item of items) this.#run(item, 0, item.input, undefined);
  }

  /** Gives an item up; it is not settled any more. */
  cancel(id: string): void {
    const item = this.#items.get(id);
    if (!item) return;
    item.cancelled = true;
    this.#items.delete(id);
    item.scheduler.cancel(id);
  }

  /** `before`: what the legs before came to. */
  #run(item: DispatchedItem, at: number, input: ItemInput, before: SettledItem | undefined): void {
    const { legs, snapshotAbove, ...rest } = item;
    const leg = legs[at];
    if (!leg) return;
    const last = at === legs.length - 1;
    // A leg without stages only turns a frame into a file.
    if (leg.plan.steps.length === 0 && input.type === "file" && !last) {
      this.#run(item, at + 1, input, before);
      return;
    }
    const scheduler = this.#schedulerOf(leg.group);
    const onItsWay: OnItsWay = { scheduler, cancelled: false };
    this.#items.set(item.id, onItsWay);
    const scheduled: ScheduledItem = {
      ...rest,
      plan: leg.plan,
      input,
      faces: before?.outcome.faces ?? [],
      carry: !last,
      snapshotAbove: last ? snapshotAbove : undefined,
      draw: item.draw && last,
      exif: item.exif && before === undefined,
      settle: (settled) => {
        if (onItsWay.cancelled) return;
        const soFar = before ? joined(before, settled) : settled;
        if (last || settled.outcome.error || endsHere(item, at, settled.outcome)) {
          this.#items.delete(item.id);
          item.settle(soFar);
        } else this.#run(item, at + 1, carriedInput(input, settled.outcome), soFar);
      },
    };
    scheduler.submit([scheduled]);
  }

  #schedulerOf(group: string | undefined): Scheduler {
    if (group === undefined) return this.#local;
    if (!this.#groups) throw new FacewireError("internal", `No group ${group} can be reached without a bus.`);
    return this.#groups.scheduler(group);
  }
}

/** Whether the legs that follow have nothing to work on, so that the picture need not be sent. */
function endsHere({ legs, explain, draw }: DispatchedItem, at: number, { faces }: ItemOutcome): boolean {
  if (explain || draw || faces.some((face) => !face.rejected)) return false;
  return legs.slice(at + 1).every(({ plan }) => stagesOf(plan.steps).every(worksOnFaces));
}

function worksOnFaces({ reads }: { readonly reads: readonly string[] }): boolean {
  return reads.some((part) => part.startsWith("face."));
}

/** What the next leg looks at: a file goes as it came, a frame as the file it was written to. */
function carriedInput(input: ItemInput, { carried }: ItemOutcome): ItemInput {
  if (input.type === "file") return input;
  if (carried) return { type: "file", bytes: carried, fromFrame: true };
  throw new FacewireError("internal", "A frame was not written to a file for the next leg.");
}

function joined(before: SettledItem, after: SettledItem): SettledItem {
  const { picture, decodeMs, times, traces } = before.outcome;
  const { outcome } = after;
  return {
    queuedAt: before.queuedAt,
    startedAt: before.startedAt ?? after.startedAt,
    attempts: Math.max(before.attempts, after.attempts),
    outcome: {
      ...outcome,
      ...(picture ? { picture } : {}),
      decodeMs: decodeMs + outcome.decodeMs,
      times: [...times, ...outcome.times],
      traces: [...traces, ...outcome.traces],
    },
  };
}

/** Keys of all legs, for what is measured by key. */
export function legKeys(legs: readonly Leg[]): readonly string[] {
  return legs.map(({ plan }) => planKey(plan));
}
