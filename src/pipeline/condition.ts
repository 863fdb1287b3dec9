/**
 * `when:` expressions. The language is CEL (Common Expression Language): no loops, no side effects, bounded size.
 * An expression that speaks of `face` is asked for each face; any other once per picture. One that reads a part which a
 * face does not have, because the stage that writes it passed the face by, is not true of that face.
 */
import { Environment } from "@marcbachmann/cel-js";
import type { Point } from "../media/picture.ts";
import type { Face, Item, Part } from "../stages/item.ts";
import { nearest } from "../yaml/nearest.ts";
import type { ProblemExtra } from "../yaml/problem.ts";
import { facePart } from "./face-parts.ts";
import type { ParameterDeclaration, ParameterDeclarations, ParameterValues } from "./parameters.ts";

const environment = new Environment({
  limits: { maxAstNodes: 200, maxDepth: 30, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 },
})
  .registerVariable({
    name: "face",
    schema: {
      score: "double",
      box: { x: "double", y: "double", width: "double", height: "double" },
      landmarks: { left: "double", top: "double", right: "double", bottom: "double" },
      frame: { x: "double", y: "double", width: "double", height: "double" },
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
  /** `request`: values of all parameters. Throws when the expression fails on this value, such as a missing map key. */
  test(item: Item, request: ParameterValues, face?: Face): boolean;
}

/** An expression that reads a parameter which is not declared; `extra` says what would have been right. */
export class UnknownParameter extends Error {
  readonly extra: ProblemExtra;

  constructor(message: string, extra: ProblemExtra) {
    super(message);
    this.extra = extra;
  }
}

/** What the types of parameters are called in CEL. */
const CEL_TYPES = { boolean: "bool", number: "double", string: "string" } as const satisfies Record<
  ParameterDeclaration["type"],
  string
>;

/** A CEL syntax tree node, as far as it is walked here. */
interface AstNode {
  readonly op: string;
  readonly args: unknown;
}

/**
 * Checks and compiles an expression, with `request.<name>` for the parameters declared. Throws an `Error` whose message
 * says what is wrong with it; {@link UnknownParameter} for the name of a parameter.
 */
export function compileCondition(source: string, parameters: ParameterDeclarations): Condition {
  const typed = withParameters(parameters);
  const check = typed.check(source);
  if (!check.valid) refuseUnknownParameters(source, parameters);
  if (!check.valid) throw new Error(check.error?.message.split("\n")[0] ?? "not a valid expression");
  if (check.type !== "bool" && check.type !== "dyn") {
    throw new Error(`must be true or false, not of type ${check.type}`);
  }
  const program = typed.parse(source);
  const names = namesIn(program.ast);
  const reads = [...names].flatMap(partOf);
  const perFace = [...names].some((name) => name === "face" || name.startsWith("face."));
  return {
    source,
    perFace,
    reads,
    test(item, request, face) {
      try {
        return program({ ...variables(item, face), request }) === true;
      } catch (thrown) {
        if (face && reads.some((part) => facePart(face, part) === undefined)) return false;
        throw thrown;
      }
    },
  };
}

function withParameters(parameters: ParameterDeclarations): Environment {
  const schema = Object.entries(parameters).map(([name, { type }]) => [name, CEL_TYPES[type]]);
  return environment.clone().registerVariable({ name: "request", schema: Object.fromEntries(schema) });
}

/** CEL only says that a key is not there; which one was meant helps more. */
function refuseUnknownParameters(source: string, parameters: ParameterDeclarations): void {
  let names: ReadonlySet<string>;
  try {
    names = namesIn(environment.parse(source).ast);
  } catch {
    return;
  }
  const allowed = Object.keys(parameters);
  for (const name of names) {
    const parameter = name.startsWith("request.") ? name.slice("request.".length) : undefined;
    if (parameter === undefined || Object.hasOwn(parameters, parameter)) continue;
    const near = nearest(parameter, allowed);
    const message = `reads request.${parameter}, which \`parameters\` does not declare`;
    throw new UnknownParameter(message, { found: parameter, allowed, ...(near ? { nearest: near } : {}) });
  }
}

/** The variables an expression names: `faces`, and with their first field `face.box` and `request.yaw`. */
function namesIn(ast: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  collectReads(ast, names);
  return names;
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
  else if (op === "." && Array.isArray(args) && isName(args[0], "request")) names.add(`request.${String(args[1])}`);
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
  const landmarks = face.landmarks && boundsOf(face.landmarks.points);
  return { ...face, quality, landmarks };
}

/** What expressions see of landmarks: how far they reach. */
function boundsOf(points: readonly Point[]): Record<"left" | "top" | "right" | "bottom", number> {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}
