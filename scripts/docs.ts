/** Writes every page that comes from the code. The suite fails when a page is not what this writes. */
import { resolve } from "node:path";
import { eventReference } from "../src/events/reference.ts";
import { cardReference } from "../src/inference/card-reference.ts";
import { metricsReference } from "../src/observe/reference.ts";
import { PROJECT_DIR } from "../src/settings/load.ts";
import { errorReference, settingsFile, settingsReference } from "../src/settings/reference.ts";
import { stageReference } from "../src/stages/reference.ts";

/** The pages, by their path inside the project. */
export const GENERATED_PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  "config/facewire.yaml": settingsFile,
  "docs/settings.md": settingsReference,
  "docs/errors.md": errorReference,
  "docs/stages.md": stageReference,
  "docs/model-cards.md": cardReference,
  "docs/metrics.md": metricsReference,
  "docs/event-types.md": eventReference,
};

if (import.meta.main) {
  for (const [page, write] of Object.entries(GENERATED_PAGES))
    await Bun.write(resolve(PROJECT_DIR, page), await write());
}
