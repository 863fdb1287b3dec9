/** How near videos come to the slower of decoding and detecting alone, and whether memory stays as it is over many. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FFMPEG } from "../../src/cli/system-packages.ts";
import type { FrameSampling } from "../../src/media/video/video.ts";
import { Child } from "../child.ts";
import { ComputeTeam } from "../compute/team.ts";
import { countCpu } from "../cpu-time.ts";
import { inTurns } from "../rounds.ts";
import type { LocalAnswers, LocalOrder } from "../service/local-process.ts";
import type { ServiceAnswers } from "../service/protocol.ts";
import type { VideoOrder } from "../service/run-video.ts";
import { type Server, startServer } from "../service/service.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { BenchVideos, VIDEO_RATE } from "../videos.ts";
import type { BenchGroup, GroupContext, GroupRow } from "./group.ts";

/** Share of the smaller rate, of decoding and of detection alone, that must be left. */
const LEAST_SHARE = 0.6;
/** Frames of the video that detection alone goes over. */
const FRAMES = 24;
/** Widths of the short videos. */
const SHORT_WIDTHS = [1280, 640, 1920];
/** Looks at the resident size around a mark, and the videos between two of them. */
const LOOKS = 7;
const BETWEEN_LOOKS = 3;
/** Growth between the two looks that still counts as flat. */
const MOST_GROWTH = 0.05;
/** Of `video-liveness`, as the pipeline itself says. */
const LIVENESS_RATE = 5;

/** What all three are compared by. */
interface Pace {
  /** Frames a second. */
  readonly rate: number;
  /** Milliseconds of one core a frame. */
  readonly cpuMs: number;
}

export const video: BenchGroup = {
  name: "video",
  about:
    "a 720p H.264 file through face-detect beside ffmpeg and detection alone; a minute through video-liveness; memory",
  needs: [FFMPEG],
  async measure(context) {
    const { setup, progress } = context;
    const folder = await mkdtemp(join(tmpdir(), "facewire-bench-"));
    try {
      const videos = new BenchVideos(folder);
      progress("video: making the files");
      const file = await videos.hd(context.quick ? 10 : 20);
      const minute = await videos.hd(60);
      const short = await videos.short(SHORT_WIDTHS);
      progress("video: starting the server, and an engine without one");
      const service = await startServer(setup);
      const { child: local } = await Child.start<LocalOrder, LocalAnswers>(
        join(import.meta.dirname, "../service/local-process.ts"),
        { FACEWIRE_DATA_DIR: folder, FACEWIRE_MODELS_CACHE: setup.settings.models_cache },
      );
      try {
        const alone: VideoRunner = { pid: local.pid, video: (order) => local.ask(order) };
        return [
          ...(await measureRate(context, { alone, inServer: runnerOf(service) }, videos, file)),
          ...(await measureMinute(context, service, minute)),
          ...(await measureMemory(context, service, short)),
        ];
      } finally {
        await local.ask({ type: "stop" });
        await Promise.all([local.end(), service.stop()]);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** A process that runs videos. */
interface VideoRunner {
  readonly pid: number;
  video(order: VideoOrder): Promise<ServiceAnswers["video"]>;
}

function runnerOf({ server }: Server): VideoRunner {
  return { pid: server.pid, video: (order) => server.ask(order) };
}

/** Runs a video in a process; its ffmpeg counts among the CPU time. */
async function run(runner: VideoRunner, path: string, pipeline: string, sampling: FrameSampling) {
  const cpu = countCpu([runner.pid]);
  const { frames, good, elapsedMs } = await runner.video({ type: "video", path, pipeline, sampling });
  if (frames === 0 || good < frames) throw new Error(`${good} of ${frames} frames of a video had exactly one face`);
  return { frames, elapsedMs, cpuMs: cpu() };
}

async function measureRate(
  { setup, cores, quick, progress }: GroupContext,
  { alone, inServer }: { readonly alone: VideoRunner; readonly inServer: VideoRunner },
  videos: BenchVideos,
  file: string,
): Promise<GroupRow[]> {
  const team = await ComputeTeam.start(cores, {
    cards: setup.catalog.list(),
    modelFiles: setup.modelFiles,
    plans: [setup.plans.get("face-detect")!],
    pictures: await videos.frames(file, FRAMES),
  });
  try {
    if (team.faces.some(([count]) => count !== 1)) throw new Error("the frames of the video do not show one face each");
    progress("video: measuring");
    const total = (quick ? 10 : 20) * VIDEO_RATE;
    const through = (runner: VideoRunner) => async () => {
      const { frames, elapsedMs, cpuMs } = await run(runner, file, "face-detect", { every: 1 });
      if (frames !== total) throw new Error(`${frames} frames of ${total} were analysed`);
      return { rate: (1000 * frames) / elapsedMs, cpuMs: cpuMs / frames };
    };
    const rounds = await inTurns<Pace>(quick ? 3 : 10, [
      async () => {
        const { elapsedMs, cpuMs } = await videos.decode(file);
        return { rate: (1000 * total) / elapsedMs, cpuMs: cpuMs / total };
      },
      () => team.run("stages", quick ? 5 : 10),
      through(alone),
      through(inServer),
    ]);
    const [decoding, detecting, ours, served] = [0, 1, 2, 3].map((at) => rounds.map((round) => round[at]!)) as [
      Pace[],
      Pace[],
      Pace[],
      Pace[],
    ];
    const rate = (paces: readonly Pace[]) => spreadOf(paces.map((pace) => pace.rate));
    const cpu = (paces: readonly Pace[]) => spreadOf(paces.map((pace) => pace.cpuMs));
    const share = (paces: readonly Pace[]) =>
      spreadOf(paces.map((pace, i) => pace.rate / Math.min(decoding[i]!.rate, detecting[i]!.rate)));
    const cpuShare = (paces: readonly Pick<Pace, "cpuMs">[]) =>
      spreadOf(paces.map((pace, i) => Math.max(decoding[i]!.cpuMs, detecting[i]!.cpuMs) / pace.cpuMs));
    const nothingElse = decoding.map((pace, i) => ({ cpuMs: pace.cpuMs + detecting[i]!.cpuMs }));
    return [
      row("ffmpeg alone", "frames/s", rate(decoding), { note: "decodes the file to nowhere, all its threads" }),
      row("detection alone", "frames/s", rate(detecting), {
        note: `face-detect from decoded pictures, ${cores} workers`,
      }),
      row("face-detect on every frame", "frames/s", rate(ours), {
        note: `H.264 of 1280x720, ${total} frames with one face; the engine as facewire run has it`,
      }),
      row("share of the smaller of the two", "", share(ours), {
        target: { least: LEAST_SHARE },
        note: "by the wall clock, round by round",
      }),
      row("share of the smaller of the two by CPU time", "", cpuShare(ours), {
        note: "ffmpeg's time counts among ours",
      }),
      row("share by CPU time if there were nothing but the two", "", cpuShare(nothingElse), {
        note: "both take the same cores: more than this cannot be had",
      }),
      row("face-detect on every frame in a server", "frames/s", rate(served), { note: "with an event for each frame" }),
      row("share of the smaller of the two in a server", "", share(served)),
      row("share of the smaller of the two in a server by CPU time", "", cpuShare(served)),
      row("CPU time of decoding alone", "ms/frame", cpu(decoding)),
      row("CPU time of detection alone", "ms/frame", cpu(detecting)),
      row("CPU time of face-detect on every frame", "ms/frame", cpu(ours)),
      row("CPU time of face-detect on every frame in a server", "ms/frame", cpu(served)),
    ];
  } finally {
    await team.stop();
  }
}

async function measureMinute({ quick, progress }: GroupContext, service: Server, file: string): Promise<GroupRow[]> {
  progress("video: a minute through video-liveness");
  const runs: { readonly elapsedMs: number; readonly cpuMs: number }[] = [];
  for (let i = 0; i < (quick ? 1 : 5); i++) {
    runs.push(await run(runnerOf(service), file, "video-liveness", { rate: LIVENESS_RATE }));
  }
  const seconds = (of: "elapsedMs" | "cpuMs") => spreadOf(runs.map((each) => each[of] / 1000));
  return [
    row("a minute through video-liveness", "s", seconds("elapsedMs"), {
      note: `${LIVENESS_RATE} frames a second analysed, ${VIDEO_RATE} decoded`,
    }),
    row("CPU time of that minute", "s", seconds("cpuMs")),
  ];
}

async function measureMemory(
  { quick, progress }: GroupContext,
  service: Server,
  files: readonly string[],
): Promise<GroupRow[]> {
  const [early, late] = quick ? [10, 30] : [20, 100];
  let done = 0;
  const work = async (count: number) => {
    for (const end = done + count; done < end; done++) {
      await run(runnerOf(service), files[done % files.length]!, "face-detect", { every: 1 });
    }
  };
  const sizeAfter = async (count: number): Promise<Spread> => {
    progress(`video: memory after ${count} videos`);
    await work(count - done);
    const looks: number[] = [];
    for (let look = 0; look < LOOKS; look++) {
      looks.push((await service.server.ask({ type: "memory" })).residentMiB);
      await work(BETWEEN_LOOKS);
    }
    return spreadOf(looks);
  };
  const afterEarly = await sizeAfter(early);
  const afterLate = await sizeAfter(late);
  return [
    row(`resident size after ${early} videos`, "MiB", afterEarly, {
      note: `of one second, ${SHORT_WIDTHS.join(", ")} wide in turn, every frame; without ffmpeg`,
    }),
    row(`resident size after ${late} videos`, "MiB", afterLate),
    {
      name: "growth between the two",
      value: afterLate.median / afterEarly.median - 1,
      unit: "",
      target: { most: MOST_GROWTH },
    },
  ];
}

function row(name: string, unit: string, spread: Spread, extra: Partial<GroupRow> = {}): GroupRow {
  return { name, value: spread.median, unit, spread, ...extra };
}
