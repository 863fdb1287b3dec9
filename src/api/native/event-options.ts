/** The query parameters of `GET /v1/events`. */
import { EVENT_TYPE_NAMES, VERDICTS } from "../../events/catalog.ts";
import type { EventFilter } from "../../store/events.ts";
import type { QueryParameter, QueryValues } from "../query.ts";

/** Values of one filter. */
const MOST_VALUES = 100;
const GROUPS = [...new Set(EVENT_TYPE_NAMES.map((type) => type.slice(0, type.indexOf("."))))];
/** Events on a page, when the caller does not say. */
export const DEFAULT_LIMIT = 100;
const MOST_ON_A_PAGE = 1_000;

function list(
  description: string,
  allowed: string,
  read: (text: string) => readonly string[] | undefined,
): QueryParameter<readonly string[]> {
  return {
    description: `${description} May be given several times, or with commas.`,
    allowed,
    schema: { type: "string" },
    repeatable: true,
    parse(text) {
      const values = text.split(",").map((each) => read(each.trim()));
      if (values.length > MOST_VALUES || values.includes(undefined)) return undefined;
      return [...new Set(values.flatMap((each) => each ?? []))];
    },
  };
}

/** Parameters that say which events. */
const FILTER_PARAMETERS = {
  type: list(
    "Only events of these types; `face.*` stands for all that begin so.",
    `types of events (${EVENT_TYPE_NAMES.join(", ")}) or groups (${GROUPS.map((group) => `${group}.*`).join(", ")})`,
    (text) => {
      if (text.endsWith(".*")) {
        const found = EVENT_TYPE_NAMES.filter((type) => type.startsWith(text.slice(0, -1)));
        return found.length > 0 ? found : undefined;
      }
      return EVENT_TYPE_NAMES.some((type) => type === text) ? [text] : undefined;
    },
  ),
  pipeline: list("Only events of these pipelines.", "names of pipelines", (text) =>
    /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 128 ? [text] : undefined,
  ),
  request: list("Only events of the requests with these ids.", "ids of requests", (text) =>
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(text) ? [text] : undefined,
  ),
  verdict: list("Only events with these verdicts.", VERDICTS.join(", "), (text) =>
    VERDICTS.some((verdict) => verdict === text) ? [text] : undefined,
  ),
} as const;

const CURSOR = {
  description:
    "The `id` of an event, or a cursor of an answer. A WebSocket then begins with what came after it; a page goes on from it.",
  allowed: "a cursor such as 4711",
  schema: { type: "string" },
  // What is no cursor at all is refused where the others are looked up, with the newest in the details.
  parse: (text) => (text.length > 0 ? text : undefined),
} satisfies QueryParameter<string>;

/** Parameters of a subscription. */
export const SUBSCRIBE_PARAMETERS = { ...FILTER_PARAMETERS, cursor: CURSOR } as const;

/** Parameters of a page; those of a subscription are among them. */
export const PAGE_PARAMETERS = {
  ...SUBSCRIBE_PARAMETERS,
  limit: {
    description: `Most events on a page, without a WebSocket; ${DEFAULT_LIMIT} when absent.`,
    allowed: `a whole number from 1 to ${MOST_ON_A_PAGE}`,
    schema: { type: "integer", minimum: 1, maximum: MOST_ON_A_PAGE, default: DEFAULT_LIMIT },
    parse: (text) => (/^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= MOST_ON_A_PAGE ? Number(text) : undefined),
  } satisfies QueryParameter<number>,
  order: {
    description: "`asc`: oldest first, events after the cursor. `desc`: newest first, events before it.",
    allowed: "asc or desc",
    schema: { type: "string", enum: ["asc", "desc"], default: "asc" },
    parse: (text) => (text === "asc" || text === "desc" ? text : undefined),
  } satisfies QueryParameter<"asc" | "desc">,
} as const;

/** The filter that a request's parameters describe. */
export function eventFilter(values: QueryValues<typeof FILTER_PARAMETERS>): EventFilter {
  const { type, pipeline, request, verdict } = values;
  return {
    ...(type ? { types: type } : {}),
    ...(pipeline ? { pipelines: pipeline } : {}),
    ...(request ? { requests: request } : {}),
    ...(verdict ? { verdicts: verdict } : {}),
  };
}
