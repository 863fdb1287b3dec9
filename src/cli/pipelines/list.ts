/** `facewire pipelines list`. */
import { stagesOf } from "../../pipeline/plan.ts";
import { printLine } from "../output.ts";
import { openPipelineFolder } from "../pipeline-folder.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { settingsOf } from "../settings.ts";
import { table } from "../table.ts";

/** Prints every pipeline of the folder, broken ones too. */
export async function listPipelines(options: GlobalOptions): Promise<number> {
  const folder = await openPipelineFolder(await settingsOf(options));
  const rows = (await folder.read()).map(({ name, planned }) => {
    if (planned === undefined) return [name, "broken", "", "facewire pipelines check all says why"];
    const stages = stagesOf(planned.plan.steps).map((stage) => stage.kind);
    return [name, "ok", stages.join(" "), planned.definition.description];
  });
  for (const line of table(["name", "state", "stages", "description"], rows)) await printLine(line);
  return EXIT.ok;
}
