/**
 * The request actor: gathers the results of one request and answers when all are there, or at the deadline with what it
 * has. It lives for one request; its work is given up when it ends early.
 */
import type { Actors } from "../actors/actors.ts";
import { FacewireError } from "../errors.ts";
import type { Face } from "../stages/item.ts";
import type { StageRegistry } from "../stages/registry.ts";
import { aggregate } from "./aggregate.ts";
import { itemResult } from "./item-result.ts";
import type { Plan } from "./plan.ts";
import type { ItemResult, RunRequest, RunResult } from "./results.ts";
import type { ScheduledItem, Scheduler, SettledItem } from "./scheduler.ts";

/** What a request needs to be run. */
export interface RequestWork {
  readonly actors: Actors;
  readonly scheduler: Scheduler;
  readonly stages: StageRegistry;
  readonly plan: Plan;
  readonly request: RunRequest;
  /** Unique address and prefix of item ids; request ids may come from clients and repeat. */
  readonly id: string;
  readonly traceparent: string | undefined;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly deadline: number;
  onItem(result: ItemResult, settled: SettledItem): void;
}

/** What the actor is told about one item. */
interface ItemSettled {
  readonly index: number;
  readonly settled: SettledItem;
}

/**
 * Runs a request and resolves with its answer; items without a result at the deadline are answered with
 * `deadline_exceeded`. Rejects with `request_cancelled` when the caller gives up, or `shutting_down`.
 */
export function runRequest(work: RequestWork): Promise<RunResult> {
  const { actors, request, deadline } = work;
  return actors.runOnce<RunResult, ItemSettled>(
    `request.${work.id}`,
    (finish) => {
      const gathering = new Gathering(work);
      return {
        start: (context) => {
          gathering.submit((message) => {
            // An actor that has ended no longer wants what comes late.
            context.tell(context.address, message).catch(() => undefined);
          });
        },
        onMessage: ({ body }) => {
          gathering.take(body);
          if (gathering.complete) finish.resolve(gathering.answer());
        },
        onDeadline: () => gathering.answer(),
        stop: () => gathering.giveUp(),
      };
    },
    {
      kind: "request",
      capacity: request.files.length,
      deadline,
      ...(request.signal ? { signal: request.signal } : {}),
    },
  );
}

/** The results so far. */
class Gathering {
  readonly #work: RequestWork;
  readonly #results: (ItemResult | undefined)[];
  readonly #faces: (readonly Face[])[] = [];
  #missing: number;

  constructor(work: RequestWork) {
    this.#work = work;
    this.#results = new Array<ItemResult | undefined>(work.request.files.length);
    this.#missing = work.request.files.length;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Sends every picture on its way. */
  submit(tell: (message: ItemSettled) => void): void {
    const { scheduler, plan, request, deadline, traceparent } = this.#work;
    const items = request.files.map(
      (file, index): ScheduledItem => ({
        id: this.#itemId(index),
        requestId: request.id,
        plan,
        file,
        index,
        priority: request.priority ?? plan.priority,
        deadline,
        explain: request.explain ?? false,
        draw: request.draw ?? false,
        exif: request.exif ?? false,
        traceparent,
        settle: (settled) => tell({ index, settled }),
      }),
    );
    scheduler.submit(items);
  }

  take({ index, settled }: ItemSettled): void {
    if (this.#results[index]) return;
    const result = itemResult(index, this.#work.request.files[index]?.name ?? "", settled);
    this.#results[index] = result;
    this.#faces[index] = settled.outcome.faces;
    this.#missing--;
    this.#work.onItem(result, settled);
  }

  /** The answer as of now. */
  answer(): RunResult {
    const { plan, request, startedAt } = this.#work;
    const items = request.files.map((file, index) => this.#results[index] ?? late(index, file.name));
    return {
      request: request.id,
      pipeline: plan.name,
      version: plan.version,
      items,
      aggregate: aggregate(
        plan,
        this.#work.stages,
        items.flatMap((item, index) => (item.status === "ok" ? [this.#faces[index] ?? []] : [])),
      ),
      elapsed_ms: Date.now() - startedAt,
    };
  }

  /** Cancels what is not done. */
  giveUp(): void {
    if (this.complete) return;
    for (const [index] of this.#work.request.files.entries()) {
      if (!this.#results[index]) this.#work.scheduler.cancel(this.#itemId(index));
    }
  }

  #itemId(index: number): string {
    return `${this.#work.id}.${index}`;
  }
}

function late(index: number, name: string): ItemResult {
  const error = new FacewireError("deadline_exceeded", "The picture was not done by the deadline.").toPublic();
  return { index, name, status: "failed", faces: [], error };
}
