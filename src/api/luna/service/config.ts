/** `/4/config`: the settings in force, without secrets and without the paths of this machine. */
import { effectiveSettings } from "../../../settings/effective.ts";
import type { Settings } from "../../../settings/schema.ts";
import { acceptedType } from "../../accept.ts";
import { LunaError } from "../errors.ts";
import { json, type OpenOperation } from "../operation.ts";

/** Stands where a secret or a path is. */
const MASK = "********";

/** See the file's head. */
export function configOperation(settings: Settings): OpenOperation {
  return {
    method: "GET",
    path: "/4/config",
    access: "open",
    handle({ request }) {
      if (!settings.luna.config) throw new LunaError(12033, "Access to this resource on the server is denied");
      const type = acceptedType(request.headers.get("accept"), ["application/json", "text/plain"]);
      if (type === undefined) throw unacceptable();
      const shown = effectiveSettings(settings, { hidden: MASK, paths: false });
      if (type === "application/json") return json(shown);
      return new Response(sectionsText(shown), { headers: { "content-type": "text/plain" } });
    },
  };
}

/** 12024: none of the formats there are. */
export function unacceptable(): LunaError {
  return new LunaError(12024, "Bad/incomplete input data");
}

/** Sections in brackets with a line for each setting; deeper ones have dotted names. Values are JSON but for texts. */
function sectionsText(settings: Readonly<Record<string, unknown>>): string {
  const top = Object.entries(settings);
  const loose = top.filter(([, value]) => !isSection(value));
  const sections = top.filter(([, value]) => isSection(value));
  const groups: readonly (readonly [string, unknown])[] = [["facewire", Object.fromEntries(loose)], ...sections];
  return groups.map(([name, values]) => [`[${name}]`, ...linesOf(values as object, ""), ""].join("\n")).join("\n");
}

function linesOf(values: object, prefix: string): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    isSection(value)
      ? linesOf(value as object, `${prefix}${name}.`)
      : [`${prefix}${name} = ${typeof value === "string" ? value : JSON.stringify(value)}`],
  );
}

function isSection(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
