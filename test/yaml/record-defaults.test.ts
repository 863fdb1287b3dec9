import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { parseYaml } from "../../src/yaml/checked-yaml.ts";

const strict = { additionalProperties: false } as const;
const Rule = Type.Union([
  Type.Object({ decode: Type.Literal("value"), scale: Type.Number({ default: 2 }) }, strict),
  Type.Object({ decode: Type.Literal("other"), offset: Type.Number({ default: 7 }) }, strict),
]);
const schema = Type.Object({ outputs: Type.Record(Type.String(), Rule) }, strict);

test("defaults inside the values of a record are filled in, also through a union", () => {
  const text = "outputs:\n  age: { decode: value }\n  mood: { decode: other, offset: 1 }\n";
  expect(parseYaml(text, { file: "a.yaml", schema, code: "card_invalid" }).value).toEqual({
    outputs: { age: { decode: "value", scale: 2 }, mood: { decode: "other", offset: 1 } },
  });
});
