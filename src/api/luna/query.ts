/**
 * Reads query parameters as this API does: unknown ones are ignored, of repeated ones the first counts. Every reader answers
 * undefined for an absent parameter and throws 12012 for a value the parameter does not take.
 */
import type { Page } from "../../store/gallery/paging.ts";
import { badParameter, LunaError, missingParameter } from "./errors.ts";
import { uuidOf } from "./uuid.ts";

/** The parameters of a request: `call.url.searchParams`. */
type Query = URLSearchParams;

/** A range; both ends belong to it. */
interface Range {
  readonly least?: number;
  readonly most?: number;
}

/** Digits with a sign, a point and an exponent; no other way of writing numbers. */
const DECIMAL = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$/;
const INTEGER = /^[+-]?[0-9]{1,15}$/;
const DEFAULT_PAGE_SIZE = 10;

/** `0` or `1`, nothing else. */
export function readFlag(query: Query, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (text !== "0" && text !== "1") throw badParameter(name);
  return text === "1";
}

/** A number, decimal points allowed. */
export function readNumber(query: Query, name: string, range: Range = {}): number | undefined {
  return numberIn(query, name, DECIMAL, range);
}

/** A whole number. */
export function readInteger(query: Query, name: string, range: Range = {}): number | undefined {
  return numberIn(query, name, INTEGER, range);
}

/** An id, in lower case. */
export function readUuid(query: Query, name: string): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const id = uuidOf(text);
  if (id === undefined) throw badParameter(name);
  return id;
}

/** Ids separated by commas, in lower case, each once, in their order. An empty list is none. `most`: how many may be given. */
export function readUuids(query: Query, name: string, most: number): readonly string[] | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const parts = text.split(",", most + 1);
  const ids = parts.map((part) => uuidOf(part.trim()));
  if (ids.length > most || ids.includes(undefined)) throw badParameter(name);
  return [...new Set(ids as string[])];
}

/** A text of at most `most` characters. */
export function readText(query: Query, name: string, most: number): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  // No database keeps a NUL in a text. Length in code points, as the description counts.
  if (text.includes("\0") || (text.length > most && [...text].length > most)) throw badParameter(name);
  return text;
}

/** One of some words. */
export function readWord<const W extends string>(query: Query, name: string, words: readonly W[]): W | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const word = words.find((each) => each === text);
  if (word === undefined) throw badParameter(name);
  return word;
}

/** `page` and `page_size`; page 1 of 10 when they are absent. `most`: the largest page (`luna.page_size`). */
export function readPage(query: Query, most: number): Page {
  return {
    page: readInteger(query, "page", { least: 1 }) ?? 1,
    pageSize: readInteger(query, "page_size", { least: 1, most }) ?? DEFAULT_PAGE_SIZE,
  };
}

/** The value; throws 12014 for an absent one. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw missingParameter(name);
  return value;
}

/** The first of the names that is given; throws 12016 when none is. */
export function alternative<const N extends string>(query: Query, names: readonly N[]): N {
  const given = names.find((name) => query.has(name));
  if (given === undefined) throw new LunaError(12016, `No one parameters '[${names.join(", ")}]' not found`);
  return given;
}

function numberIn(query: Query, name: string, form: RegExp, { least, most }: Range): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = form.test(text) ? Number(text) : Number.NaN;
  const fits =
    Number.isFinite(value) &&
    value >= (least ?? Number.NEGATIVE_INFINITY) &&
    value <= (most ?? Number.POSITIVE_INFINITY);
  if (!fits) throw badParameter(name);
  return value;
}
