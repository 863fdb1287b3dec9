/** How near videos come to the slower of decoding and detecting alone, and whether memory stays as it is over many. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FFMPEG } from "../../src/cli/system-packages.ts";
import type { FrameSampling } from "../../src/media/video/video.ts";
import { ComputeTeam } from "../compute/team.ts";
import { countCpu } from "../cpu-time.ts";
import { inTurns } from "../rounds.ts";
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
      progress("video: starting the server");
      const service = await startServer(setup);
      try {
        return [
          ...(await measureRate(context, service, videos, file)),
          ...(await measureMinute(context, service, minute)),
          ...(await measureMemory(context, service, short)),
        ];
      } finally {
        await service.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Runs a video in the server; its ffmpeg counts among the CPU time. */
async function run({ server }: Server, path: string, pipeline: string, sampling: FrameSampling) {
  const cpu = countCpu([server.pid]);
  const { frames, good, elapsedMs } = await server.ask({ type: "video", path, pipeline, sampling });
  if (frames === 0 || good < frames) throw new Error(`${good} of ${frames} frames of a video had exactly one face`);
  return { frames, elapsedMs, cpuMs: cpu() };
}

async function measureRate(
  { setup, cores, quick, progress }: GroupContext,
  service: Server,
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
    const rounds = await inTurns<Pace>(quick ? 3 : 10, [
      async () => {
        const { elapsedMs, cpuMs } = await videos.decode(file);
        return { rate: (1000 * total) / elapsedMs, cpuMs: cpuMs / total };
      },
      () => team.run("stages", quick ? 5 : 10),
      async () => {
        const { frames, elapsedMs, cpuMs } = await run(service, file, "face-detect", { every: 1 });
        if (frames !== total) throw new Error(`${frames} frames of ${total} were analysed`);
        return { rate: (1000 * frames) / elapsedMs, cpuMs: cpuMs / frames };
      },
    ]);
    const of = (pick: (decoding: Pace, detecting: Pace, ours: Pace) => number): Spread =>
      spreadOf(rounds.map(([decoding, detecting, ours]) => pick(decoding!, detecting!, ours!)));
    return [
      row(
        "ffmpeg alone",
        "frames/s",
        of((decoding) => decoding.rate),
        { note: "decodes the file to nowhere, all its threads" },
      ),
      row(
        "detection alone",
        "frames/s",
        of((_, detecting) => detecting.rate),
        { note: `face-detect from decoded pictures, ${cores} workers` },
      ),
      row(
        "face-detect on every frame",
        "frames/s",
        of((_d, _a, ours) => ours.rate),
        { note: `H.264 of 1280x720, ${total} frames with one face; in a server, which tells each frame as an event` },
      ),
      row(
        "share of the smaller of the two",
        "",
        of((decoding, detecting, ours) => ours.rate / Math.min(decoding.rate, detecting.rate)),
        { target: { least: LEAST_SHARE }, note: "by the wall clock, round by round" },
      ),
      row(
        "share of the smaller of the two by CPU time",
        "",
        of((decoding, detecting, ours) => Math.max(decoding.cpuMs, detecting.cpuMs) / ours.cpuMs),
        { note: "ffmpeg's time counts among ours" },
      ),
      row(
        "share by CPU time if there were nothing but the two",
        "",
        of(({ cpuMs: decoding }, { cpuMs: detecting }) => Math.max(decoding, detecting) / (decoding + detecting)),
        { note: "both take the same cores: more than this cannot be had" },
      ),
      row(
        "CPU time of decoding alone",
        "ms/frame",
        of((decoding) => decoding.cpuMs),
      ),
      row(
        "CPU time of detection alone",
        "ms/frame",
        of((_, detecting) => detecting.cpuMs),
      ),
      row(
        "CPU time of face-detect on every frame",
        "ms/frame",
        of((_d, _a, ours) => ours.cpuMs),
      ),
    ];
  } finally {
    await team.stop();
  }
}

async function measureMinute({ quick, progress }: GroupContext, service: Server, file: string): Promise<GroupRow[]> {
  progress("video: a minute through video-liveness");
  const runs: { readonly elapsedMs: number; readonly cpuMs: number }[] = [];
  for (let i = 0; i < (quick ? 1 : 5); i++) {
    runs.push(await run(service, file, "video-liveness", { rate: LIVENESS_RATE }));
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
      await run(service, files[done % files.length]!, "face-detect", { every: 1 });
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
