import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { cardReference } from "../../src/inference/card-reference.ts";

test("docs/model-cards.md is what the schema of cards says (bun scripts/docs.ts writes it)", async () => {
  expect(await Bun.file(resolve(import.meta.dir, "../../docs/model-cards.md")).text()).toBe(cardReference());
});
