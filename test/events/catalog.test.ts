import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { EVENT_TYPE_NAMES, EVENT_TYPES } from "../../src/events/catalog.ts";
import { eventReference } from "../../src/events/reference.ts";

test.each([...EVENT_TYPE_NAMES])("the example of %s fits its schema", (type) => {
  const { data, example } = EVENT_TYPES[type];
  expect([...Value.Errors(data, example)]).toEqual([]);
});

test("every type has a group, so that `group.*` means something", () => {
  for (const type of EVENT_TYPE_NAMES) expect(type).toMatch(/^[a-z_]+\.[a-z_]+$/);
});

test("docs/event-types.md is what the catalog gives", async () => {
  const page = await Bun.file(new URL("../../docs/event-types.md", import.meta.url)).text();
  expect(page).toBe(eventReference());
});
