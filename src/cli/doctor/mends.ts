/** What to do about a failure that a check ran into. */
import { FacewireError } from "../../errors.ts";
import type { Settings } from "../../settings/schema.ts";
import { databaseFile } from "../../store/sqlite.ts";

/** Words for what was thrown, from its code; where nothing better is known, how to see more. */
export function mendOf(thrown: unknown, settings: Settings | undefined): string {
  const error = FacewireError.from(thrown);
  if (Array.isArray(error.details?.problems)) return "correct the lines named";
  if (error.code === "stage_invalid") return "correct the file named, or take it out of stages.extra";
  if (error.code === "card_invalid") return "correct the card named, or set models_dir";
  if (error.code === "store_unavailable" && settings) return databaseMend(error, settings);
  return "see where it comes from: facewire doctor --verbose";
}

function databaseMend({ details }: FacewireError, { data_dir }: Settings): string {
  const file = databaseFile(data_dir);
  switch (details?.reason) {
    case "damaged":
      // Its tokens and letters may still be wanted, so it is not deleted.
      return `restore it from a copy, or begin anew: mv ${file} ${file}.damaged`;
    case "locked":
      return `end the process that holds it: fuser ${file} names it`;
    case "disk_full":
      return `make room: df -h ${data_dir}`;
    case "read_only":
    case "cannot_open":
      return `chown -R "$(id -un)" ${data_dir}, or set data_dir`;
    case "disk_failed":
      return `check the disk, or set data_dir to another: df ${data_dir}`;
    case "newer_version":
      return `use the version that made it, or begin anew: mv ${file} ${file}.newer`;
    default:
      return "see where it comes from: facewire doctor --verbose";
  }
}
