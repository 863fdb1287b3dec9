/** Which operations an address has. Ids in paths are UUIDs of version 4; what is none is another address. */
import type { LunaOperation } from "./operation.ts";
import { UUID4 } from "./uuid.ts";

/** All operations of one path of the description. */
export interface Address {
  /** As the description writes it: `/4/storage/persons/{person_id}`. */
  readonly template: string;
  /** In the order of the description; OPTIONS is the last. */
  readonly methods: readonly string[];
  operation(method: string): LunaOperation | undefined;
  /** The parameters of a path with lower-case ids, or undefined when it is another address. */
  match(path: string): Readonly<Record<string, string>> | undefined;
}

/** Addresses that the router cannot tell apart: they differ in the form of a parameter only. */
export interface Shape {
  /** For the router: `/4/storage/persons/:p3`. */
  readonly path: string;
  readonly addresses: readonly Address[];
}

/** A parameter that is more than an id. */
const FORMS: Readonly<Record<string, string>> = { descriptor_id_with_thumbnails: `${UUID4}_[0-9]{1,9}` };

/** Groups operations by address, and addresses by shape. */
export function shapesOf(operations: readonly LunaOperation[]): readonly Shape[] {
  const byPath = Map.groupBy(operations, ({ path }) => path);
  const byShape = Map.groupBy(byPath.keys(), shapeOf);
  return [...byShape].map(([path, paths]) => ({
    path,
    addresses: paths.map((each) => addressOf(each, byPath.get(each) ?? [])),
  }));
}

function shapeOf(path: string): string {
  return path
    .split("/")
    .map((step, at) => (step.startsWith(":") ? `:p${at}` : step))
    .join("/");
}

function addressOf(path: string, operations: readonly LunaOperation[]): Address {
  const pattern = new RegExp(`^${path.split("/").map(stepPattern).join("/")}/?$`);
  const byMethod = new Map(operations.map((operation) => [operation.method as string, operation]));
  return {
    template: path.replaceAll(/:(\w+)/g, "{$1}"),
    methods: [...byMethod.keys(), "OPTIONS"],
    operation: (method) => byMethod.get(method),
    match(given) {
      const groups = pattern.exec(given);
      if (!groups) return undefined;
      const found = Object.entries(groups.groups ?? {});
      return Object.fromEntries(found.map(([name, value]) => [name, value.toLowerCase()]));
    },
  };
}

function stepPattern(step: string): string {
  if (!step.startsWith(":")) return RegExp.escape(step);
  const name = step.slice(1);
  return `(?<${name}>${FORMS[name] ?? UUID4})`;
}
