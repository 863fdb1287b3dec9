/** Several processes of an installation inside one test: an engine that gives work away, and members of groups that do it. */
import { join, resolve } from "node:path";
import { type DeadLetter, MemoryDeadLetters } from "../../../src/actors/dead-letters.ts";
import { ActorSystem } from "../../../src/actors/system.ts";
import type { Bus } from "../../../src/bus/bus.ts";
import { MemoryBus } from "../../../src/bus/memory-bus.ts";
import { openNatsBus } from "../../../src/bus/nats/open.ts";
import { ModelCatalog } from "../../../src/inference/catalog.ts";
import type { StartedEngine } from "../../../src/pipeline/engine.ts";
import { LocalInference } from "../../../src/pipeline/local-inference.ts";
import { GroupMember } from "../../../src/pipeline/placement/group-member.ts";
import { Parcels } from "../../../src/pipeline/placement/parcels.ts";
import { RemoteGroups } from "../../../src/pipeline/placement/remote-groups.ts";
import { PlanCosts } from "../../../src/pipeline/plan-costs.ts";
import type { PoolSettings } from "../../../src/pipeline/pools.ts";
import type { RunRequest } from "../../../src/pipeline/results.ts";
import { StageRegistry } from "../../../src/stages/registry.ts";
import { FIXTURE_STAGES, MODELS_CACHE, type TestEngine, testEngine } from "../../support/engine.ts";
import { type NatsServer, startNatsServer } from "../../support/nats-server.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const MAX_ITEM_BYTES = 24e6;

/** Where the processes of a test meet. */
export interface Exchange extends AsyncDisposable {
  /** A bus for one process. */
  open(): Promise<Bus>;
}

/** All processes share one bus, which is closed at the end. */
export function memoryExchange(options: { maxMessageBytes?: number } = {}): Exchange {
  const bus = new MemoryBus(options);
  return { open: async () => bus, [Symbol.asyncDispose]: () => bus.close() };
}

/** The same, where every message is delivered twice to whoever listens. */
export function twice(exchange: Exchange): Exchange {
  return {
    async open() {
      const bus = await exchange.open();
      const subscribe: Bus["subscribe"] = (pattern, handler, options) =>
        bus.subscribe(
          pattern,
          async (delivery) => void (await Promise.all([handler(delivery), handler(delivery)])),
          options,
        );
      return new Proxy(bus, {
        get(target, key) {
          if (key === "subscribe") return subscribe;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
    [Symbol.asyncDispose]: () => exchange[Symbol.asyncDispose](),
  };
}

/** A server of its own with all its connections. */
export async function ownNats(prefix: string): Promise<Exchange & { readonly server: NatsServer }> {
  const server = await startNatsServer();
  const exchange = natsExchange(server, prefix);
  return {
    server,
    open: exchange.open,
    async [Symbol.asyncDispose]() {
      await exchange[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

/** Each process has a connection of its own. */
export function natsExchange(server: NatsServer, prefix: string): Exchange {
  const opened: Bus[] = [];
  return {
    async open() {
      const bus = await openNatsBus({ url: server.url, prefix, replicas: 1, startTimeoutMs: 5000, onWarning() {} });
      opened.push(bus);
      return bus;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((bus) => bus.close()));
    },
  };
}

/** A process that runs stages of groups. */
export interface MemberProcess extends AsyncDisposable {
  readonly id: string;
  readonly bus: Bus;
  readonly member: GroupMember;
  readonly local: LocalInference;
  readonly letters: readonly DeadLetter[];
  /** Leaves in good order. */
  leave(): Promise<void>;
}

/** What a member may have otherwise than the engine. */
export interface MemberWishes {
  readonly groups?: readonly string[];
  readonly workers?: number;
  readonly stageFiles?: readonly string[];
  readonly modelsDir?: string;
  readonly pools?: Readonly<Record<string, PoolSettings>>;
  readonly maxWaiting?: number;
  readonly ownerPatienceMs?: number;
}

/** A process that takes requests and gives work away. */
export interface ApiProcess extends TestEngine {
  readonly id: string;
  readonly bus: Bus;
  readonly groups: RemoteGroups;
  readonly parcels: Parcels;
  /** What was told of members. */
  readonly told: readonly string[];
  /** Items that were sent, by group. */
  readonly sent: ReadonlyMap<string, number>;
}

let ids = 0;

/** Starts a member; of group `faces` unless said otherwise. */
export async function startMember(exchange: Exchange, wishes: MemberWishes = {}): Promise<MemberProcess> {
  const bus = await exchange.open();
  const id = `member-${++ids}`;
  const deadLetters = new MemoryDeadLetters();
  const models = await ModelCatalog.load(wishes.modelsDir ?? join(ROOT, "models"));
  const stageFiles = wishes.stageFiles ?? FIXTURE_STAGES;
  const local = new LocalInference({
    stageFiles,
    models,
    modelsCache: MODELS_CACHE,
    limits: { maxBytes: 20e6, maxPixels: 50e6, minSide: 16, decodeTimeoutMs: 5000, truncated: "refuse" },
    workers: wishes.workers ?? 1,
    itemsPerWorker: 2,
    maxAttempts: 3,
    pools: wishes.pools ?? { default: { slots: 2, queue: 64 } },
    queue: { limit: wishes.maxWaiting ?? 64, maxBytes: 100e6 },
    deadLetters,
  });
  const parcels = await Parcels.open(bus, id);
  const stages = await StageRegistry.load(stageFiles);
  const member = await GroupMember.join({
    id,
    bus,
    parcels,
    local,
    equipment: { models, stages },
    groups: wishes.groups ?? ["faces"],
    itemsPerThread: 2,
    maxItemBytes: MAX_ITEM_BYTES,
    deadLetters,
    ...(wishes.ownerPatienceMs !== undefined && { ownerPatienceMs: wishes.ownerPatienceMs }),
  });
  let left: Promise<void> | undefined;
  const leave = () => {
    left ??= (async () => {
      await member.leave(5_000);
      parcels.close();
      await local.drain(1_000);
    })();
    return left;
  };
  return { id, bus, member, local, letters: deadLetters.letters, leave, [Symbol.asyncDispose]: leave };
}

/**
 * Starts an engine over pipelines (see `testEngine`) that gives placed stages away, and all others too unless `own`. With
 * `joins` its workers are also a member of those groups.
 */
export async function startApi(
  exchange: Exchange,
  pipelines: Readonly<Record<string, string>>,
  options: { own?: boolean; maxAttempts?: number; joins?: readonly string[] } = {},
): Promise<ApiProcess> {
  const { own = true, maxAttempts = 3, joins } = options;
  const bus = await exchange.open();
  const id = `api-${++ids}`;
  const parcels = await Parcels.open(bus, id);
  const deadLetters = new MemoryDeadLetters();
  const models = await ModelCatalog.load(join(ROOT, "models"));
  const stages = await StageRegistry.load(FIXTURE_STAGES);
  const costs = new PlanCosts();
  const told: string[] = [];
  const sent = new Map<string, number>();
  const groups = await RemoteGroups.open({
    id,
    bus,
    parcels,
    equipment: { models, stages },
    costs,
    queue: { limit: 256, maxBytes: 100e6 },
    maxAttempts,
    maxItemBytes: MAX_ITEM_BYTES,
    deadLetters,
    watcher: {
      memberJoined: ({ member }) => told.push(`joined ${member}`),
      memberLeft: ({ member }) => told.push(`left ${member}`),
      memberLost: ({ member }, _cause, items) => told.push(`lost ${member} with ${items}`),
      planRefused: ({ member }, pipeline, reason) => told.push(`refused ${member} ${pipeline}: ${reason}`),
      sent: (group) => sent.set(group, (sent.get(group) ?? 0) + 1),
    },
  });
  const engine = await testEngine(pipelines, {
    groups,
    costs,
    deadLetters,
    actors: new ActorSystem({ bus: new MemoryBus(), deadLetters }),
    runsHere: (group) => own && group === undefined,
  });
  if (joins) {
    const { local } = engine.engine as StartedEngine;
    const common = { id, bus, parcels, local, equipment: { models, stages }, deadLetters };
    const member = await GroupMember.join({
      ...common,
      groups: joins,
      itemsPerThread: 2,
      maxItemBytes: MAX_ITEM_BYTES,
    });
    await groups.addLocal(member);
  }
  return {
    ...engine,
    id,
    letters: deadLetters.letters,
    bus,
    groups,
    parcels,
    told,
    sent,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      groups.close();
      parcels.close();
    },
  };
}

/** A request with one file. */
export function oneFile(name: string, bytes: Uint8Array): Partial<RunRequest> {
  return { files: [{ name, bytes }] };
}
