/** What a process does, as its settings say. */
import { FacewireError } from "../errors.ts";
import { DEFAULT_GROUP } from "../pipeline/legs.ts";
import type { Settings } from "../settings/schema.ts";

/** Whether this process answers requests and whether it runs stages. */
export interface Roles {
  readonly api: boolean;
  readonly inference: boolean;
}

/** Throws `config_invalid` for a process that could do nothing, because no bus connects it to those that do the rest. */
export function rolesOf({ roles, bus }: Pick<Settings, "roles" | "bus">): Roles {
  const found = { api: roles.includes("api"), inference: roles.includes("inference") };
  if (bus === "nats" || (found.api && found.inference)) return found;
  throw new FacewireError(
    "config_invalid",
    `A process with the role ${roles.join(", ")} alone needs others, and bus: nats to reach them.`,
    { details: { roles, bus } },
  );
}

/** The groups whose stages this process runs for others. Those without a place come from processes that run none. */
export function servedGroups({ groups }: Pick<Settings, "groups">): readonly string[] {
  return [...new Set([...groups, DEFAULT_GROUP])];
}
