/**
 * The events of an account that are told and the subscribers that follow them, both by number: so who tells and who
 * listens know, each by itself, what everybody must get.
 */
import type { AccountEvent } from "../../src/events/recorder.ts";

/** Which events a subscriber asked for, as parameters of its address. */
export type LunaWish = Readonly<Partial<Record<"event_type" | "observe" | "gender" | "age__gt" | "list", string>>> & {
  readonly similarity__gt?: string;
};

/** Different tokens and lists, in turn. */
const TOKENS = 40;
const LISTS = 40;
const SIMILARITIES = [0.97, 0.91, 0.64, 0.33] as const;

/** An id that says what it is the id of, and which. */
const idOf = (kind: number, number: number) =>
  `${String(kind).padStart(8, "0")}-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
const tokenOf = (turn: number) => idOf(1, turn % TOKENS);
const listOf = (turn: number) => idOf(2, turn % LISTS);

/** What a number's event says; also the reason why somebody gets it. */
interface Told {
  readonly kind: "extract" | "identify" | "search";
  readonly token: string;
  readonly list: string | undefined;
  readonly face: { readonly gender: number; readonly age: number } | undefined;
  readonly similarities: readonly number[];
}

function told(number: number): Told {
  const kind = (["identify", "extract", "search", "identify"] as const)[number % 4]!;
  const turn = Math.floor(number / 4);
  return {
    kind,
    token: tokenOf(turn),
    list: kind === "extract" ? undefined : listOf(turn + number),
    face: kind === "identify" ? undefined : { gender: turn % 2, age: 20 + (turn % 50) },
    similarities: kind === "extract" ? [] : SIMILARITIES.slice(turn % 4),
  };
}

/** The event of a number. Its face or its first person has the number as its id. */
export function lunaEvent(number: number, account: string): AccountEvent {
  const { kind, token, list, face, similarities } = told(number);
  const id = idOf(3, number);
  const match = kind !== "extract";
  const rect = { x: 170, y: 198, width: 209, height: 240 };
  const seen = { id, rect, rectISO: { x: 123, y: 10, width: 316, height: 421 }, score: 0.97, attributes: face };
  const candidates = similarities.map((similarity, at) => ({
    person_id: idOf(4, at),
    descriptor_id: idOf(5, at),
    user_data: "somebody",
    external_id: "",
    similarity,
  }));
  return {
    type: match ? "luna.match" : "luna.extract",
    account,
    data: {
      event_type: match ? "match" : "extract",
      source: match ? kind : "descriptors",
      timestamp: Date.now() / 1000,
      authorization: { token_id: token, token_data: "camera" },
      ...(match && {
        template: { descriptor_id: id },
        candidate: { list_id: list, list_data: "staff", list_type: 1 },
      }),
      result: match ? { candidates, ...(face && { face: seen }) } : { faces: [seen] },
    },
  };
}

const TIME = /"timestamp":([0-9.]+)/;
const NUMBER = new RegExp(`${idOf(3, 0).slice(0, -12)}([0-9a-f]{12})`);

/**
 * The number of an event that came, and when it was told in epoch milliseconds. It is not parsed: a thousand clients share one
 * process here, and what they do with an event is not what is measured.
 */
export function readLunaEvent(text: string): { readonly number: number; readonly time: number } {
  const number = Number.parseInt(NUMBER.exec(text)?.[1] ?? "", 16);
  return { number, time: Number(TIME.exec(text)?.[1]) * 1000 };
}

/**
 * What the subscriber of a number asks for. Of twenty, one wants everything, a type, six a token, five a list, two a
 * gender, two an age, and three a similarity.
 */
export function lunaWishOf(subscriber: number): LunaWish {
  const kind = subscriber % 20;
  const turn = Math.floor(subscriber / 20) + kind;
  if (kind < 1) return {};
  if (kind < 2) return { event_type: turn % 2 ? "match" : "extract" };
  if (kind < 8) return { observe: tokenOf(turn) };
  if (kind < 13) return { list: listOf(turn) };
  if (kind < 15) return { gender: turn % 2 ? "male" : "female" };
  if (kind < 17) return { age__gt: String(40 + (turn % 30)) };
  return { similarity__gt: (0.5 + 0.15 * (turn % 4)).toFixed(2) };
}

/** Whether the event of a number is among those a subscriber asked for. */
export function isLunaWished(wish: LunaWish, number: number): boolean {
  const { kind, token, list, face, similarities } = told(number);
  const { event_type, observe, gender, age__gt, similarity__gt } = wish;
  if (event_type !== undefined) return (kind === "extract") === (event_type === "extract");
  if (observe !== undefined) return observe === token;
  if (wish.list !== undefined) return wish.list === list;
  if (gender !== undefined) return face !== undefined && face.gender === (gender === "male" ? 1 : 0);
  if (age__gt !== undefined) return face !== undefined && face.age >= Number(age__gt);
  if (similarity__gt !== undefined) return similarities.some((each) => each > Number(similarity__gt));
  return true;
}
