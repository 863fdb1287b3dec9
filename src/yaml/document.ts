/** Reads YAML text that may be hostile: bounded in size, depth and alias expansion, with the place of every node kept. */
import { type Document, isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { YamlPath } from "./problem.ts";

/** Bytes of UTF-8. Definitions and cards are a few KiB; a larger file is a mistake. */
const MAX_YAML_BYTES = 256 * 1024;
/** Levels of lists and mappings. */
const MAX_YAML_DEPTH = 64;
/** How often aliases may be expanded, counted with the aliases inside what they stand for. */
const MAX_YAML_ALIASES = 100;
/** A broken text can break at every character; more problems than this help nobody. */
const MAX_SYNTAX_PROBLEMS = 20;

/** A place in the text, both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A mistake in the text itself. */
export interface SyntaxProblem extends Place {
  readonly message: string;
}

/** Read text. */
export interface YamlText {
  /** Plain JSON-like data without circles; undefined for an empty document and when `fatal` is true. */
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /** Whether the problems leave nothing to check further. */
  readonly fatal: boolean;
  /** Where a key (or list item) stands; the nearest parent that exists when it does not. */
  locate(path: YamlPath): Place;
}

const START: Place = { line: 1, column: 1 };

/** Reads one YAML 1.2 document. Never throws: everything that is wrong is in `problems`. */
export function readYaml(text: string): YamlText {
  if (Buffer.byteLength(text) > MAX_YAML_BYTES) {
    const message = `the file is larger than ${MAX_YAML_BYTES} bytes`;
    return { value: undefined, problems: [{ ...START, message }], fatal: true, locate: () => START };
  }
  const lines = new LineCounter();
  // The library compares each key with each other, which takes seconds for many; see repeatedKeys.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2", uniqueKeys: false });
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems: SyntaxProblem[] = [...document.errors, ...document.warnings]
    .slice(0, MAX_SYNTAX_PROBLEMS)
    .map((found) => ({ ...place(found.pos[0]), message: readable(found.message) }));
  let fatal = document.errors.length > 0;
  let value: unknown;
  if (!fatal) {
    const refused = firstRefused(document);
    if (refused) {
      fatal = true;
      problems.push({ ...place(refused.offset), message: refused.message });
    } else {
      // A repeated key still leaves a whole document, whose other mistakes are worth telling too.
      const repeated = repeatedKeys(document).slice(0, MAX_SYNTAX_PROBLEMS);
      problems.push(...repeated.map((offset) => ({ ...place(offset), message: "Map keys must be unique" })));
      try {
        value = document.toJS({ maxAliasCount: MAX_YAML_ALIASES }) ?? undefined;
      } catch {
        fatal = true;
        problems.push({ ...START, message: tooManyAliases });
      }
    }
  }
  return { value, problems, fatal, locate: (path) => place(offsetOf(document, path)) };
}

/** The library runs out of stack, says so, and goes on: that is a text nested thousands of levels deep. */
function readable(message: string): string {
  return message.startsWith("Maximum call stack") ? tooDeep : message;
}

const tooDeep = `lists and mappings are nested deeper than ${MAX_YAML_DEPTH} levels`;

const tooManyAliases = `aliases are expanded more than ${MAX_YAML_ALIASES} times`;

/** Offsets of keys that a mapping has already. */
function repeatedKeys(document: Document.Parsed): number[] {
  const offsets: number[] = [];
  visit(document, {
    Map(_key, node) {
      const seen = new Set<unknown>();
      for (const { key } of node.items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) offsets.push(rangeStart(key) ?? 0);
        seen.add(name);
      }
    },
  });
  return offsets;
}

/** The first node that must not be turned into data, because that could take forever or lose what was written. */
function firstRefused(document: Document.Parsed): { offset: number; message: string } | undefined {
  let refused: { offset: number; message: string } | undefined;
  let aliases = 0;
  // By hand, because each look of the library for an anchor goes through the whole document.
  const anchors = new Map<string, unknown>();
  const refuse = (node: { range?: readonly number[] | null | undefined }, message: string) => {
    refused = { offset: node.range?.[0] ?? 0, message };
    return visit.BREAK;
  };
  visit(document, {
    Collection(key, node, ancestors) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      if (key === "key") return refuse(node, "a key must be a word, not a list or mapping");
      return ancestors.filter(isCollection).length >= MAX_YAML_DEPTH ? refuse(node, tooDeep) : undefined;
    },
    Scalar(key, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      // As a key of plain data it would be lost, or worse, be taken for a prototype.
      const reserved = key === "key" && node.value === "__proto__";
      return reserved ? refuse(node, 'the key "__proto__" is not allowed') : undefined;
    },
    Alias(_key, node, ancestors) {
      if (++aliases > MAX_YAML_ALIASES) return refuse(node, tooManyAliases);
      const circular = ancestors.some((ancestor) => ancestor === anchors.get(node.source));
      return circular ? refuse(node, `the alias *${node.source} stands inside what it stands for`) : undefined;
    },
  });
  return refused;
}

function offsetOf(document: Document.Parsed, path: YamlPath): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const step of path) {
    const whole = isAlias(node) ? node.resolve(document) : node;
    if (isMap(whole)) {
      const pair = whole.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) break;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(whole)) {
      const item = whole.items[Number(step)];
      if (!item) break;
      offset = rangeStart(item) ?? offset;
      node = item;
    } else break;
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null | undefined)?.range?.[0];
}
