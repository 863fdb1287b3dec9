/**
 * `when:` expressions. The language is CEL (Common Expression Language): no loops, no side effects, bounded size.
 * An expression that speaks of `face` is asked for each face; any other once per picture.
 */
import { Environment } from "@marcbachmann/cel-js";
import type { Face, Item, Part } from "../stages/item.ts";

const environment = new Environment({
  limits: { maxAstNodes: 200, maxDepth: 30, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 },
})
  .registerVariable({
    name: "face",
    schema: {
      score: "double",
      box: { x: "double", y: "double", width: "double", height: "double" },
      pose: { yaw: "double", pitch: "double", roll: "double" },
      eyes: { left: { state: "string" }, right: { state: "string" } },
      quality: {
        sharpness: "double",
        darkness: "double",
        light: "double",
        saturation: "double",
        eye_distance: "double",
        crop_room: "double",
        overall: "double",
      },
      liveness: { prediction: "string", probability: "double", score: "double", raw: "double" },
      attributes: "map",
      emotion: { label: "string", probabilities: "map" },
      extra: "map",
    },
  })
  .registerVariable("faces", "int", { description: "Number of faces that no gate rejected." })
  .registerVariable({
    name: "picture",
    schema: { width: "int", height: "int", format: "string" },
    description: "The upright picture.",
  });

/** Fields of `face` that a detector already gives, so that reading them needs only `face.box`. */
const FIELDS_OF_BOX: ReadonlySet<string> = new Set(["score", "box"]);

/** A checked `when:` expression. */
export interface Condition {
  readonly source: string;
  /** Whether it is asked for each face rather than once per picture. */
  readonly perFace: boolean;
  /** Parts it reads, which earlier stages must have written. */
  readonly reads: readonly Part[];
  /** Throws when the expression fails on this value, such as a missing map key. */
  test(item: Item, face?: Face): boolean;
}

/** A CEL syntax tree node, as far as it is walked here. */
interface AstNode {
  readonly op: string;
  readonly args: unknown;
}

/** Checks and compiles an expression; throws an `Error` whose message says what is wrong with it. */
export function compileCondition(source: string): Condition {
  const check = environment.check(source);
  if (!check.valid) throw new Error(check.error?.message.split("\n")[0] ?? "not a valid expression");
  if (check.type !== "bool" && check.type !== "dyn") {
    throw new Error(`must be true or false, not of type ${check.type}`);
  }
  const program = environment.parse(source);
  const names = new Set<string>();
  collectReads(program.ast, names);
  const perFace = [...names].some((name) => name === "face" || name.startsWith("face."));
  return {
    source,
    perFace,
    reads: [...names].flatMap(partOf),
    test: (item, face) => program(variables(item, face)) === true,
  };
}

function collectReads(node: unknown, names: Set<string>): void {
  if (Array.isArray(node)) {
    for (const child of node) collectReads(child, names);
    return;
  }
  if (typeof node !== "object" || node === null || !("op" in node)) return;
  const { op, args } = node as AstNode;
  if (op === "id") names.add(String(args));
  else if (op === "." && Array.isArray(args) && isName(args[0], "face")) names.add(`face.${String(args[1])}`);
  else collectReads(args, names);
}

function isName(node: unknown, name: string): boolean {
  return typeof node === "object" && node !== null && (node as AstNode).op === "id" && (node as AstNode).args === name;
}

function partOf(name: string): readonly Part[] {
  if (name === "faces" || name === "face") return ["face.box"];
  if (!name.startsWith("face.")) return [];
  const field = name.slice("face.".length);
  // Which of a user's own parts an expression reads is not known before it runs.
  if (FIELDS_OF_BOX.has(field) || field === "extra") return ["face.box"];
  return [`face.${field}` as Part];
}

function variables(item: Item, face: Face | undefined): Record<string, unknown> {
  const { width, height, format } = item.picture;
  return {
    picture: { width: BigInt(width), height: BigInt(height), format },
    faces: BigInt(item.faces.filter((each) => !each.rejected).length),
    ...(face ? { face: faceVariable(face) } : {}),
  };
}

function faceVariable(face: Face): Record<string, unknown> {
  const quality = face.quality && {
    ...face.quality,
    eye_distance: face.quality.eyeDistance,
    crop_room: face.quality.cropRoom,
  };
  return { ...face, quality };
}
