/** What a newcomer reads when the server is ready: a first result, the addresses, a command to copy. */
import { basename } from "node:path";
import { isLoopback } from "../../api/loopback.ts";
import type { App } from "../../app.ts";
import type { Settings } from "../../settings/schema.ts";
import { itemText } from "../run/text.ts";
import { SAMPLE_PICTURE, samplePicture } from "../sample.ts";
import { millisText, plural } from "../units.ts";

/** The pipeline of the self-check and of the command to copy. */
const PIPELINE = "face-liveness";

/** The lines; runs the self-check. `seconds`: how long the start took. */
export async function welcome(app: App, settings: Settings, seconds: number): Promise<string[]> {
  const pipelines = app.engine.pipelines().filter((pipeline) => pipeline.status !== "unavailable");
  return [
    ...(await selfCheck(app)),
    "",
    `Facewire is ready after ${seconds.toFixed(1)} s: ${plural(pipelines.length, "pipeline")}, ${plural(app.workers, "inference worker")}.`,
    `  API      ${app.url}/v1/pipelines`,
    `  Manual   ${app.url}/swagger`,
    `  Health   ${app.url}/health`,
    `  Metrics  ${app.url}/metrics`,
    ...(app.lunaUrl === undefined ? [] : [`  LUNA     ${app.lunaUrl}/swagger`]),
    "",
    "Try it, from this folder:",
    `  ${curl(app, settings)}`,
    "",
    "Ctrl-C stops it.",
  ];
}

async function selfCheck(app: App): Promise<string[]> {
  const path = await samplePicture();
  if (path === undefined) return ["Self-check left out: the sample photo is not installed."];
  const files = [{ name: basename(path), bytes: await Bun.file(path).bytes() }];
  const { items, elapsed_ms } = await app.engine.run({ id: "self-check", pipeline: PIPELINE, files });
  return [
    `Self-check: a photo through ${PIPELINE} took ${millisText(elapsed_ms)}`,
    ...items.map((item) => itemText(item).trimEnd()),
  ];
}

function curl(app: App, settings: Settings): string {
  const { host } = settings.listen.native;
  const token = settings.access.open || isLoopback(host) ? "" : `-H "Authorization: Bearer $TOKEN" `;
  return `curl ${token}--data-binary @${SAMPLE_PICTURE} ${app.url}/v1/pipelines/${PIPELINE}/run`;
}
