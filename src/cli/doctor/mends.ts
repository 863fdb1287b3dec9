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
  if (error.code === "store_unavailable" && settings) {
    return settings.database.url === "" ? databaseMend(error, settings) : serverMend(error);
  }
  return "see where it comes from: facewire doctor --verbose";
}

function serverMend({ details }: FacewireError): string {
  switch (details?.reason) {
    case "cannot_connect":
    case "too_slow":
      return "see whether PostgreSQL runs and can be reached: psql <database.url>; or correct database.url";
    case "refused":
      return "correct user and password in database.url, or pg_hba.conf of the server";
    case "unknown_database":
      return "make it: createdb --encoding UTF8 --template template0 --owner <user> <name>; or correct database.url";
    case "wrong_encoding":
      return "make another: createdb --encoding UTF8 --template template0 --owner <user> <name>; and name it in database.url";
    case "not_allowed":
      return "let the user make tables: grant create on schema public to <user>";
    case "no_tls":
      return "turn TLS on at the server (ssl = on), or take sslmode out of database.url";
    case "not_trusted":
      return "name the server's root certificate in database.url: sslrootcert=<file>";
    case "too_many_connections":
      return "raise max_connections of the server, or lower database.pool";
    case "disk_full":
      return "make room on the disk of the PostgreSQL server";
    case "read_only":
      return "name the primary server in database.url; this one may only be read";
    case "newer_version":
      return "use the version that made it, or another database";
    default:
      return "see where it comes from: facewire doctor --verbose";
  }
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
