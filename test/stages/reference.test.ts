import { expect, test } from "bun:test";
import { stageReference } from "../../src/stages/reference.ts";
import { BUILT_IN_KINDS } from "../../src/stages/registry.ts";

test("docs/stages.md is what the declarations give (bun src/stages/reference.ts writes it)", async () => {
  expect(await Bun.file(new URL("../../docs/stages.md", import.meta.url)).text()).toBe(stageReference());
});

test("every kind says all there is to know: options, drops, costs, and an example that uses it", () => {
  const page = stageReference();
  for (const kind of BUILT_IN_KINDS) {
    expect(page).toContain(`## ${kind.kind}\n\n${kind.summary}\n\n${kind.description}\n`);
    expect(kind.example).toContain(`- ${kind.kind}: {`);
    expect(kind.cost).not.toBe("");
    expect(kind.drops).not.toBe("");
    for (const [option, schema] of Object.entries(kind.options.properties)) {
      expect(page).toContain(`| \`${option}\` |`);
      expect(schema.description, `${kind.kind}.${option}`).toBeTruthy();
    }
  }
});
