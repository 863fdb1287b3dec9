/** What the server works with: settings, models, pipelines, its data folder, its database, its bus and its port. */
import { access, constants, mkdir, readdir } from "node:fs/promises";
import { FacewireError } from "../../errors.ts";
import type { Settings } from "../../settings/schema.ts";
import { addressText, isTaken } from "../port.ts";
import { systemReason } from "../system-failure.ts";
import { FFMPEG, findSystemTool } from "../system-packages.ts";
import { plural } from "../units.ts";
import { busFinding } from "./bus.ts";
import { type Check, type Finding, missing, ok, warn } from "./finding.ts";

/** Checks that need valid settings. */
export function installationChecks(settings: Settings): Check[] {
  return [
    { name: "models", look: () => models(settings) },
    { name: "pipelines", look: () => pipelines(settings) },
    { name: "data folder", look: () => dataFolder(settings) },
    { name: "database", look: () => database(settings) },
    { name: "bus", look: () => busFinding(settings) },
    { name: "ffmpeg", look: () => ffmpeg(settings) },
    { name: "port", look: () => port(settings) },
    ...(settings.listen.luna === "off" ? [] : [{ name: "LUNA port", look: () => lunaPort(settings) }]),
  ];
}

async function models(settings: Settings): Promise<Finding> {
  const unreadable = await unreadableFolder(settings.models_dir, "models_dir");
  if (unreadable) return unreadable;
  const { ModelCatalog } = await import("../../inference/catalog.ts");
  const { verifyModels } = await import("../../inference/store.ts");
  const catalog = await ModelCatalog.load(settings.models_dir);
  const states = await verifyModels(catalog, settings.models_cache);
  const broken = states.filter(({ state }) => state !== "ok").map(({ card, state }) => `${card.name} ${state}`);
  return broken.length === 0
    ? ok(`${plural(states.length, "model")} prepared and whole`)
    : missing(broken.join(", "), "facewire models pull");
}

async function pipelines(settings: Settings): Promise<Finding> {
  const unreadable = await unreadableFolder(settings.pipelines_dir, "pipelines_dir");
  if (unreadable) return unreadable;
  const { openPipelineFolder } = await import("../pipeline-folder.ts");
  const readings = await (await openPipelineFolder(settings)).read();
  const broken = readings.filter((reading) => reading.error !== undefined).map((reading) => reading.file);
  return broken.length === 0
    ? ok(`${plural(readings.length, "pipeline")} right`)
    : missing(`not valid: ${broken.join(", ")}`, "facewire pipelines check all");
}

/** What is wrong with a folder that is only read. */
async function unreadableFolder(folder: string, setting: string): Promise<Finding | undefined> {
  try {
    await readdir(folder);
    return undefined;
  } catch (thrown) {
    return missing(systemReason(thrown) ?? `${folder} cannot be read`, `set ${setting} to a folder that can be read`);
  }
}

async function dataFolder({ data_dir: folder }: Settings): Promise<Finding> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
    return ok(`${folder} can be written`);
  } catch {
    return missing(`${folder} cannot be written`, `chown -R "$(id -un)" ${folder}, or set data_dir`);
  }
}

/** Only videos need it. */
async function ffmpeg({ video }: Settings): Promise<Finding> {
  const mend = video.ffmpeg === FFMPEG.command ? "apt-get install ffmpeg, as root" : "correct video.ffmpeg";
  const found = findSystemTool({ command: video.ffmpeg }) !== undefined;
  if (!found) return warn(`${video.ffmpeg} is missing: videos are refused, pictures work without`, mend);
  try {
    const { ffmpegVersion } = await import("../../media/video/availability.ts");
    return ok(`${video.ffmpeg} ${await ffmpegVersion(video.ffmpeg)}`);
  } catch (thrown) {
    if (!(thrown instanceof FacewireError)) throw thrown;
    return warn(`${video.ffmpeg} cannot be run: videos are refused, pictures work without`, mend);
  }
}

/** Who listens where the server would: it may be this server itself, already running. */
async function port({ listen }: Settings): Promise<Finding> {
  const { host, port: number } = listen.native;
  const address = addressText(host, number);
  if (number === 0 || !(await isTaken(host, number))) return ok(`${address} is free`);
  const health = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  const itself = health?.headers.get("content-type")?.includes("json") === true;
  return itself
    ? ok(`${address} is taken by a running Facewire`)
    : warn(
        `${address} is taken by another program`,
        `ss -ltnp 'sport = :${number}' names it; or FACEWIRE_LISTEN_NATIVE=${addressText(host, number + 1)}`,
      );
}

/** The same for the LUNA API. */
async function lunaPort({ listen: { luna } }: Settings): Promise<Finding> {
  if (luna === "off") return ok("off");
  const address = addressText(luna.host, luna.port);
  if (luna.port === 0 || !(await isTaken(luna.host, luna.port))) return ok(`${address} is free`);
  const answer = await fetch(`http://${address}/version`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  return answer?.headers.has("luna-request-id")
    ? ok(`${address} is taken by a running Facewire, or by another server of this API`)
    : warn(
        `${address} is taken by another program`,
        `FACEWIRE_LISTEN_LUNA=${addressText(luna.host, luna.port + 1)}, or FACEWIRE_LISTEN_LUNA=off without the LUNA API`,
      );
}

async function database(settings: Settings): Promise<Finding> {
  const { openStoreOf } = await import("../../store/store.ts");
  const store = await openStoreOf(settings);
  try {
    await store.ping();
    return ok("opens and answers");
  } finally {
    await store.close();
  }
}
