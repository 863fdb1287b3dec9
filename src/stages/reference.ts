/**
 * The reference page of all stages, generated from what each kind declares. `bun src/stages/reference.ts` writes it to
 * `docs/stages.md`; the suite fails when the file is not what this gives.
 */
import type { TObject, TSchema } from "@sinclair/typebox";
import { parseStageOptions } from "./options.ts";
import { BUILT_IN_KINDS } from "./registry.ts";
import type { ModelUse, StageKind } from "./stage.ts";

const INTRODUCTION = `# Stages

Generated from the code by \`bun src/stages/reference.ts\`; changes belong into the files in \`src/stages/\`.

A stage is one step of a pipeline. It reads and writes parts of an item: the picture and its faces. The planner checks
that every part a stage reads is written before it. Options not named here are errors. Lengths are pixels of the upright
picture, as a number or as text such as \`40px\`. Costs are for the default models.

Stages of your own are files that import from \`facewire/stage\`: see [CONTRIBUTING.md](../CONTRIBUTING.md#add-a-stage).
`;

/** The page as Markdown. */
export function stageReference(kinds: readonly StageKind[] = BUILT_IN_KINDS): string {
  const index = kinds.map((kind) => `| [\`${kind.kind}\`](#${kind.kind}) | ${kind.summary} |`);
  const table = ["| stage | what it does |", "| --- | --- |", ...index].join("\n");
  return `${[INTRODUCTION, table, ...kinds.map(section)].join("\n").trimEnd()}\n`;
}

/** One kind. What it reads, writes and needs is said for its default options, and which options change it. */
function section(kind: StageKind): string {
  const defaults = parseStageOptions(kind, {});
  const rows = Object.entries(kind.options.properties).map(([name, schema]) => optionRow(name, schema, kind.options));
  const facts = [
    ["Reads", parts(kind.reads(defaults))],
    ["Writes", parts(kind.writes(defaults))],
    ["Models", models(kind.models(defaults))],
    ["Drops", kind.drops],
    ["Costs", kind.cost],
    ["Aggregation", aggregation(kind)],
  ];
  return [
    `\n## ${kind.kind}\n`,
    `${kind.summary}\n`,
    `${kind.description}\n`,
    `\`\`\`yaml\n${kind.example}\n\`\`\`\n`,
    ...(rows.length > 0 ? ["| option | type | default | |", "| --- | --- | --- | --- |", ...rows, ""] : []),
    ...facts.map(([name, text]) => `- **${name}:** ${text}`),
  ].join("\n");
}

function parts(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ") || "nothing";
}

function models(uses: readonly ModelUse[]): string {
  return uses.map(({ name, task }) => `\`${name}\` (${task})`).join(", ") || "none";
}

function aggregation({ aggregation }: StageKind): string {
  if (aggregation === undefined) return "none";
  return `\`${aggregation.key}\` by ${aggregation.methods.map((method) => `\`${method}\``).join(", ")}`;
}

function optionRow(name: string, schema: TSchema, options: TObject): string {
  const required = options.required?.includes(name) && schema.default === undefined;
  const standard = schema.default === undefined ? (required ? "required" : "") : code(schema.default);
  const cells = [`\`${name}\``, typeText(schema), standard, schema.description ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** The type of an option with its range, for people. */
function typeText(schema: TSchema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map(typeText).join(" or ");
  switch (schema.type) {
    case "integer":
      return `whole number${range(schema)}`;
    case "number":
      return `number${range(schema)}`;
    case "boolean":
      return "`true` or `false`";
    case "array":
      return `list of ${typeText(schema.items)}${schema.maxItems ? `, at most ${schema.maxItems}` : ""}`;
    case "object":
      return Object.entries((schema as TObject).properties)
        .map(([key, inner]) => `\`{ ${key}: … }\` with a ${typeText(inner)}`)
        .join(", ");
    default:
      return schema.expects ?? (schema.pattern ? "text such as `40px`" : "text");
  }
}

function range({ minimum, exclusiveMinimum, maximum }: TSchema): string {
  const low = minimum ?? exclusiveMinimum;
  const from = exclusiveMinimum === undefined ? low : `above ${low}`;
  if (low === undefined) return maximum === undefined ? "" : ` (${maximum} or less)`;
  return maximum === undefined
    ? ` (${from}${exclusiveMinimum === undefined ? " or more" : ""})`
    : ` (${from} to ${maximum})`;
}

if (import.meta.main) await Bun.write(new URL("../../docs/stages.md", import.meta.url), stageReference());
