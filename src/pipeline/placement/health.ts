/** How groups of processes are, in words for those who look after them. */
import type { BusStatus } from "../../bus/bus.ts";
import { type Plan, planKey } from "../plan.ts";
import type { PartHealth } from "../results.ts";
import type { RemoteMember } from "./remote-member.ts";

/** Failed while a bus without which this process can do nothing is away; degraded where it can do something. */
export function busHealth(status: BusStatus, canDoWithout: boolean): PartHealth {
  const since = new Date(status.since).toISOString();
  if (status.kind === "connected") return { status: "ok", details: { server: status.server, since } };
  return {
    status: canDoWithout ? "degraded" : "failed",
    message: "The bus to other processes cannot be reached.",
    details: { state: status.kind, since, ...("reason" in status ? { reason: status.reason } : {}) },
  };
}

/** One group that pipelines send items to. */
export interface GroupState {
  readonly name: string;
  /** Items that wait for a process of the group. */
  readonly waiting: number;
  readonly members: readonly RemoteMember[];
  readonly plans: readonly Plan[];
}

/** Degraded while a group has no process for one of its pipelines, or one of its processes cannot run one. */
export function groupsHealth(groups: readonly GroupState[]): PartHealth {
  const messages = groups.flatMap(troublesOf);
  const details = Object.fromEntries(
    groups.map(({ name, waiting, members }) => [name, { waiting, members: members.map(memberFacts) }]),
  );
  if (messages.length === 0) return { status: "ok", details };
  return { status: "degraded", message: [...new Set(messages)].join(" "), details };
}

function memberFacts({ id, facts, inHand, isOut, isLocal }: RemoteMember) {
  const { host, pid, threads } = facts;
  return { member: id, host, pid, threads, in_hand: inHand, takes_work: !isOut, ...(isLocal ? { here: true } : {}) };
}

function troublesOf({ name, members, plans }: GroupState): string[] {
  if (members.length === 0) return [`No process of group ${name} is there.`];
  return plans.flatMap((plan) =>
    members.flatMap(({ id, holding }) => {
      const held = holding.get(planKey(plan));
      return typeof held === "object"
        ? [`Process ${id} of group ${name} cannot run ${plan.name}: ${held.message}`]
        : [];
    }),
  );
}
