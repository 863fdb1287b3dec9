/** What connects a process to the groups of its installation: those it gives work to, and those it works for. */
import { ulid } from "ulid";
import type { DeadLetterSink } from "../actors/dead-letters.ts";
import type { Bus } from "../bus/bus.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { LocalInference } from "../pipeline/local-inference.ts";
import { GroupMember } from "../pipeline/placement/group-member.ts";
import { Parcels } from "../pipeline/placement/parcels.ts";
import { RemoteGroups } from "../pipeline/placement/remote-groups.ts";
import type { PlacementWatcher } from "../pipeline/placement/watcher.ts";
import type { PlanCosts } from "../pipeline/plan-costs.ts";
import type { Settings } from "../settings/schema.ts";
import { StageRegistry } from "../stages/registry.ts";
import { queueLimits } from "./inference.ts";
import { rolesOf, servedGroups } from "./roles.ts";

/** What stages write on a picture may take this many bytes beside it, with a drawn copy and crops. */
const FOUND_ROOM = 16 * 1024 * 1024;

/** What it is made of. */
export interface PlacementParts {
  readonly bus: Bus;
  readonly models: ModelCatalog;
  readonly costs: PlanCosts;
  readonly deadLetters: DeadLetterSink;
  readonly watcher?: PlacementWatcher;
}

/** See the file's head. */
export interface Placement {
  /** For a process that takes requests. */
  readonly groups: RemoteGroups | undefined;
  /** Makes this process's workers work for its groups, where it has the role. */
  join(local: LocalInference): Promise<void>;
  /** Takes nothing more of others and finishes what it has, at most for `timeoutMs`. May be called again. */
  leave(timeoutMs: number): Promise<void>;
  /** Ends it, having left. */
  close(): void;
}

/** Connects a process to its groups; undefined where no bus leads to others. Rejects with `bus_unavailable`. */
export async function openPlacement(settings: Settings, parts: PlacementParts): Promise<Placement | undefined> {
  if (settings.bus === "memory") return undefined;
  const { bus, models, costs, deadLetters, watcher } = parts;
  const roles = rolesOf(settings);
  const id = ulid();
  const parcels = await Parcels.open(bus, id);
  const stages = await StageRegistry.load(settings.stages.extra);
  const common = {
    id,
    bus,
    parcels,
    equipment: { models, stages },
    maxItemBytes: settings.pictures.max_bytes + FOUND_ROOM,
    deadLetters,
  };
  const groups = roles.api
    ? await RemoteGroups.open({
        ...common,
        costs,
        queue: queueLimits(settings),
        maxAttempts: settings.inference.max_attempts,
        ...(watcher && { watcher }),
      })
    : undefined;
  let member: GroupMember | undefined;
  let left: Promise<void> | undefined;
  return {
    groups,
    async join(local) {
      if (!roles.inference) return;
      const itemsPerThread = settings.inference.items_per_worker;
      member = await GroupMember.join({ ...common, local, groups: servedGroups(settings), itemsPerThread });
      await groups?.addLocal(member);
    },
    leave(timeoutMs) {
      left ??= member?.leave(timeoutMs) ?? Promise.resolve();
      return left;
    },
    close() {
      groups?.close();
      parcels.close();
    },
  };
}
