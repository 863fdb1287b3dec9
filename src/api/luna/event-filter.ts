/** The filters of a subscription: read from its query, and what they mean for an event. All that are given must pass. */
import type { AccountEventType } from "../../events/catalog.ts";
import { badParameter } from "./errors.ts";
import type { EventFact, FactFace } from "./event-fact.ts";
import { readNumber, readUuid, readWord } from "./query.ts";
import { uuidOf } from "./uuid.ts";

/** A range; both ends belong to it, in spite of the names of the parameters. */
type Range = readonly [least: number, most: number];

/** See the file's head. What is undefined does not filter. */
export interface LunaEventFilter {
  readonly eventType: "match" | "extract" | undefined;
  /** Ids of tokens and `basic`: whose requests are told of. */
  readonly observe: ReadonlySet<string> | undefined;
  /** 0 female, 1 male. */
  readonly gender: 0 | 1 | undefined;
  readonly age: Range | undefined;
  readonly glasses: Range | undefined;
  /** Candidates have to be more similar than this; undefined also where only extractions are wanted. */
  readonly similarity: number | undefined;
  /** Likewise. */
  readonly list: string | undefined;
}

const BASIC = "basic";
/** The ends of a range that are not given. */
const OLDEST = 100;
const SUREST = 1;

/** Reads the filters. Throws 12012 naming the parameter. */
export function readEventFilter(query: URLSearchParams): LunaEventFilter {
  const eventType = readWord(query, "event_type", ["match", "extract"]);
  const gender = readWord(query, "gender", ["female", "male"]);
  const similarity = readNumber(query, "similarity__gt", { least: 0, most: 1 });
  const list = readUuid(query, "list");
  const extractions = eventType === "extract";
  return {
    eventType,
    observe: readObserved(query),
    gender: gender === undefined ? undefined : gender === "male" ? 1 : 0,
    age: readRange(query, "age", OLDEST),
    glasses: readRange(query, "glasses", SUREST),
    similarity: extractions ? undefined : similarity,
    list: extractions ? undefined : list,
  };
}

/** The types of events a filter may let pass; undefined for all. */
export function wantedTypes({ eventType, similarity, list }: LunaEventFilter): readonly AccountEventType[] | undefined {
  if (eventType !== undefined) return [`luna.${eventType}`];
  return similarity === undefined && list === undefined ? undefined : ["luna.match"];
}

/** Whether an event passes all that does not change it. */
export function passes(filter: LunaEventFilter, fact: EventFact): boolean {
  const { eventType, observe, list } = filter;
  return (
    (eventType === undefined || fact.told.event_type === eventType) &&
    (observe === undefined || observe.has(fact.by)) &&
    (list === undefined || fact.list === list) &&
    (!looksAtFaces(filter) || fact.faces.some((face) => faceFits(filter, face)))
  );
}

/** The places of the candidates that are similar enough; undefined where similarity does not filter. */
export function keptCandidates({ similarity }: LunaEventFilter, fact: EventFact): readonly number[] | undefined {
  if (similarity === undefined) return undefined;
  return fact.similarities.flatMap((found, at) => (found > similarity ? at : []));
}

function looksAtFaces({ gender, age, glasses }: LunaEventFilter): boolean {
  return gender !== undefined || age !== undefined || glasses !== undefined;
}

/** All filters of faces are met by one and the same face. */
function faceFits({ gender, age, glasses }: LunaEventFilter, face: FactFace): boolean {
  return (
    (gender === undefined || face.gender === gender) && inRange(age, face.age) && inRange(glasses, face.eyeglasses)
  );
}

function inRange(range: Range | undefined, value: number | undefined): boolean {
  return range === undefined || (value !== undefined && range[0] <= value && value <= range[1]);
}

function readRange(query: URLSearchParams, name: string, most: number): Range | undefined {
  const [least, greatest] = [readNumber(query, `${name}__gt`), readNumber(query, `${name}__lt`)];
  return least === undefined && greatest === undefined ? undefined : [least ?? 0, greatest ?? most];
}

function readObserved(query: URLSearchParams): ReadonlySet<string> | undefined {
  const text = query.get("observe");
  if (text === null) return undefined;
  const observed = text.split(",").map((each) => (each.trim() === BASIC ? BASIC : uuidOf(each.trim())));
  if (observed.includes(undefined)) throw badParameter("observe");
  return new Set(observed as string[]);
}

/** The ids or secrets of tokens among what is observed. */
export function observedTokens({ observe }: LunaEventFilter): readonly string[] {
  return observe === undefined ? [] : [...observe].filter((each) => each !== BASIC);
}
