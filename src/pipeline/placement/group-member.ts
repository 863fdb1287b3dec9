/**
 * This process as a member of groups: it says that it is there, takes up plans of other processes and runs their items on
 * its own workers, once each however often it is asked. It keeps no dead letters of items and does not try them again:
 * the process whose request it is does both.
 */
import { hostname } from "node:os";
import { type DeadLetterSink, internalText } from "../../actors/dead-letters.ts";
import type { Bus, Delivery, Subscription } from "../../bus/bus.ts";
import type { WireValue } from "../../bus/wire.ts";
import { type ErrorCode, type ErrorDetails, FacewireError } from "../../errors.ts";
import type { LocalInference } from "../local-inference.ts";
import type { Plan } from "../plan.ts";
import type { ItemOutcome } from "../protocol.ts";
import { Answers } from "./answers.ts";
import { ForeignPlans } from "./foreign-plans.ts";
import { outcomeToWire, type SentTask, taskFromWire } from "./item-wire.ts";
import {
  announce,
  checkCancel,
  checkDefine,
  checkForget,
  checkRun,
  checkWho,
  HELLO,
  type Hello,
  memberSubject,
  type Run,
  type Verb,
  WHO,
} from "./messages.ts";
import { Parcels, type Wrapped } from "./parcels.ts";
import { keepRefused } from "./refused-messages.ts";
import type { Equipment } from "./requirements.ts";

/** What a member is made of. */
export interface GroupMemberOptions {
  /** Unique among all processes of the installation. */
  readonly id: string;
  readonly bus: Bus;
  readonly parcels: Parcels;
  readonly local: LocalInference;
  readonly equipment: Omit<Equipment, "pools">;
  readonly groups: readonly string[];
  readonly itemsPerThread: number;
  /** Most bytes of one item with all that was found on it, on the way in and out. */
  readonly maxItemBytes: number;
  /** For messages that cannot be read. */
  readonly deadLetters: DeadLetterSink;
  /** Milliseconds after the last word of a process at which its plans are dropped; a minute by default. */
  readonly ownerPatienceMs?: number;
}

/** Milliseconds between words to everybody. */
export const HELLO_EVERY = 1_000;

/** See {@link GroupMemberOptions.ownerPatienceMs}. */
const OWNER_PATIENCE = 60_000;
/** Large items that are fetched at once, for each thread; more are refused as if the line were full. */
const FETCHED_PER_THREAD = 4;

/** See the file's head. */
export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #plans: ForeignPlans;
  readonly #answers = new Answers();
  readonly #cancels = new Map<string, () => void>();
  #subscriptions: Subscription[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #offStatus: () => void = () => {};
  /** Large items that are being fetched, and their bytes. */
  #fetching = 0;
  #fetchingBytes = 0;
  #leaving = false;

  private constructor(options: GroupMemberOptions) {
    this.#options = options;
    this.#plans = new ForeignPlans(options.local, { ...options.equipment, pools: options.local.pools });
  }

  /** Joins; resolves when others can reach it. @throws FacewireError `bus_unavailable` */
  static async join(options: GroupMemberOptions): Promise<GroupMember> {
    const member = new GroupMember(options);
    await member.#listen();
    return member;
  }

  get id(): string {
    return this.#options.id;
  }

  /** What it says of itself. */
  get hello(): Hello {
    const { id, groups, local, itemsPerThread } = this.#options;
    const threads = local.workers.width;
    const leaving = this.#leaving;
    return { member: id, host: hostname(), pid: process.pid, groups: [...groups], threads, itemsPerThread, leaving };
  }

  /** Plans of others that its workers hold, by the key of their content. */
  get held(): readonly string[] {
    return this.#plans.keys;
  }

  /** Items of others that it has now. */
  get inHand(): number {
    return this.#answers.open;
  }

  /**
   * Answers what it is asked over the bus, or by its own process. Throws `message_invalid`, `message_too_large`,
   * `overloaded`, `shutting_down`, `pipeline_unavailable`.
   */
  async answer(verb: Verb, body: unknown): Promise<WireValue> {
    switch (verb) {
      case "run":
        return this.#run(checkRun(body));
      case "define":
        await this.#plans.take(checkDefine(body));
        return null;
      case "alive":
        this.#plans.heard(checkWho(body).from);
        return null;
      case "forget": {
        const { from, key } = checkForget(body);
        this.#plans.forget(from, key);
        return null;
      }
      case "cancel":
        this.#cancels.get(checkCancel(body).run)?.();
        return null;
    }
  }

  /** Takes nothing more, finishes what it has, at most for `timeoutMs`, and is gone. */
  async leave(timeoutMs: number): Promise<void> {
    this.#leaving = true;
    clearInterval(this.#timer);
    this.#offStatus();
    this.#sayHello();
    await this.#answers.whenIdle(timeoutMs);
    // Answers must have left before nobody listens any more, which others take for an end without a word.
    if (this.#connected) await this.#options.bus.flush().catch(() => undefined);
    for (const subscription of this.#subscriptions) subscription.close();
  }

  async #listen(): Promise<void> {
    const { bus, id } = this.#options;
    const subject = memberSubject(id, "*");
    // Bounded by what is refused, not by what may wait: a question must not wait behind work.
    const options = { maxInFlight: Number.POSITIVE_INFINITY };
    this.#subscriptions = [
      await bus.subscribe(subject, (delivery) => this.#take(delivery, subject), options),
      await bus.subscribe(WHO, (delivery) => this.#onWho(delivery)),
    ];
    this.#offStatus = bus.onStatus(({ kind }) => {
      if (kind !== "connected") return;
      this.#plans.heardAll();
      this.#sayHello();
    });
    this.#timer = setInterval(() => this.#onTime(), HELLO_EVERY);
    this.#sayHello();
  }

  #take(delivery: Delivery, pattern: string): Promise<void> {
    const verb = delivery.subject.slice(pattern.length - 1) as Verb;
    return keepRefused(delivery, this.#options.deadLetters, async () => {
      if (!VERBS.has(verb)) throw new FacewireError("message_invalid", "A member was asked what nobody asks.");
      const answer = await this.answer(verb, delivery.body);
      delivery.responder?.answer(answer);
    });
  }

  #onWho(delivery: Delivery): Promise<void> {
    return keepRefused(delivery, this.#options.deadLetters, () => {
      this.#plans.heard(checkWho(delivery.body).from);
      this.#sayHello();
    });
  }

  #onTime(): void {
    this.#answers.prune();
    if (!this.#connected) return;
    this.#plans.dropOrphans(this.#options.ownerPatienceMs ?? OWNER_PATIENCE);
    this.#sayHello();
  }

  get #connected(): boolean {
    return this.#options.bus.status.kind === "connected";
  }

  #sayHello(): void {
    announce(this.#options.bus, HELLO, this.hello);
  }

  #run(run: Run): Promise<WireValue> {
    const deadline = Date.now() + run.within;
    return this.#answers.get(run.run, deadline, async () => {
      if (this.#leaving) throw new FacewireError("shutting_down", "The process is leaving its group.");
      const plan = this.#plans.get(run.key);
      this.#admit(run, plan);
      // Without a pause where it came whole, so that no other is admitted to the same room in between.
      const written = Parcels.inline(run.task) ?? (await this.#fetch(run.task, deadline));
      return this.#wrapped(await this.#outcome(run, plan, taskFromWire(written), deadline));
    });
  }

  /** Throws `overloaded` when there is no room for an item. */
  #admit(run: Run, plan: Plan): void {
    const { scheduler, workers } = this.#options.local;
    const bytes = Parcels.bytesToFetch(run.task);
    if (bytes > 0 && this.#fetching >= FETCHED_PER_THREAD * workers.width) {
      throw new FacewireError("overloaded", "Too many large items are on their way.");
    }
    scheduler.admit(plan, 1, this.#fetchingBytes + bytes, run.within, run.priority);
  }

  async #fetch(task: Run["task"], deadline: number): Promise<WireValue> {
    const { parcels, maxItemBytes } = this.#options;
    const bytes = Parcels.bytesToFetch(task);
    this.#fetching++;
    this.#fetchingBytes += bytes;
    try {
      return await parcels.unwrap(task, { limit: maxItemBytes, deadline }).catch(senderGone);
    } finally {
      this.#fetching--;
      this.#fetchingBytes -= bytes;
    }
  }

  /** Resolves when the item is done, or at once when it is cancelled. */
  async #outcome(run: Run, plan: Plan, task: SentTask, deadline: number): Promise<ItemOutcome> {
    const { scheduler } = this.#options.local;
    const { snapshotAbove } = task;
    const { promise, resolve } = Promise.withResolvers<ItemOutcome>();
    this.#cancels.set(run.run, () => {
      scheduler.cancel(run.run);
      resolve(failed("request_cancelled", "The request is no longer wanted."));
    });
    scheduler.submit([
      {
        ...task,
        id: run.run,
        requestId: run.run,
        plan,
        snapshotAbove: snapshotAbove === undefined ? undefined : () => snapshotAbove,
        priority: run.priority,
        deadline,
        traceparent: undefined,
        guest: { alone: run.alone },
        settle: (settled) => resolve(settled.outcome),
      },
    ]);
    const outcome = await promise;
    this.#cancels.delete(run.run);
    return outcome;
  }

  /** What cannot be sent back is a failure like any other. */
  #wrapped(outcome: ItemOutcome): Wrapped {
    const { parcels, maxItemBytes } = this.#options;
    try {
      return parcels.wrap(outcomeToWire(outcome), maxItemBytes);
    } catch (thrown) {
      const { code, message, details } = FacewireError.from(thrown);
      const { decodeMs, times } = outcome;
      // What a bus cannot carry was written by a stage, not by whoever sent the item.
      const error =
        code === "message_too_large"
          ? failed(code, message, details)
          : failed("stage_failed", "A stage wrote what cannot be sent on.");
      return parcels.wrap(outcomeToWire({ ...error, decodeMs, times, internal: internalText(thrown) }), maxItemBytes);
    }
  }
}

const VERBS: ReadonlySet<string> = new Set<Verb>(["run", "define", "alive", "forget", "cancel"]);

function failed(code: ErrorCode, message: string, details?: ErrorDetails): ItemOutcome {
  return { faces: [], decodeMs: 0, times: [], traces: [], error: { code, message, ...(details && { details }) } };
}

/** Nobody at the other end: told with that code it would be taken for word that nobody is here. */
function senderGone(thrown: unknown): never {
  const { code } = FacewireError.from(thrown);
  if (code !== "no_receiver") throw thrown;
  throw new FacewireError("request_cancelled", "The sender no longer keeps the item.", { cause: thrown });
}
