/** Another program doing the same on the same pictures and cores. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ComputeTeam, type TeamAnswer } from "../compute/team.ts";
import { decodeRaw, hdPictures, type RawPicture } from "../pictures.ts";
import { alternate } from "../rounds.ts";
import { PIPELINES } from "../setup.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const PEER = join(import.meta.dirname, "../peer");
/** How many times faster a picture must be. */
const LEAST_TIMES = 8;

export const peer: BenchGroup = {
  name: "peer",
  about: "@vladmandic/human (wasm under node) doing detection, mesh, descriptor, antispoof and liveness",
  async measure({ setup, cores, quick, progress }) {
    await installPeer(progress);
    progress("peer: loading");
    const pictures = await Promise.all((await hdPictures("one-face")).map(({ bytes }) => decodeRaw(bytes)));
    const team = (names: readonly string[]) =>
      ComputeTeam.start(cores, {
        cards: setup.catalog.list(),
        modelFiles: setup.modelFiles,
        plans: names.map((name) => setup.plans.get(name)!),
        pictures,
      });
    const [peers, two, one] = [
      await PeerTeam.start(cores, pictures),
      await team(PIPELINES),
      await team(["everything"]),
    ];
    try {
      progress("peer: measuring");
      const forMs = quick ? 3000 : 6000;
      const ones: Pace[] = [];
      const rounds = await alternate<Pace>(
        quick ? 2 : 8,
        () => peers.run(forMs),
        async () => {
          ones.push(await one.run("stages", 24));
          return two.run("stages", 24);
        },
      );
      const against = (ours: readonly Pace[], pick: (theirs: Pace, ours: Pace) => number) =>
        spreadOf(rounds.map(({ first }, round) => pick(first, ours[round]!)));
      const twos = rounds.map(({ second }) => second);
      const rate = (theirs: Pace, ours: Pace) => ours.rate / theirs.rate;
      const cpu = (theirs: Pace, ours: Pace) => theirs.cpuMs / ours.cpuMs;
      const single = ones.slice(1);
      return [
        row(
          `@vladmandic/human ${peers.version}, backend ${peers.backend}`,
          "pictures/s",
          against(twos, (theirs) => theirs.rate),
          {
            note: `${cores} processes of node ${peers.node}, decoded pictures, one face each`,
          },
        ),
        row(
          `Facewire: ${PIPELINES.join(" and ")}`,
          "pictures/s",
          against(twos, (_, ours) => ours.rate),
          {
            note: `${cores} workers, decoded pictures; the face is detected twice, once a pipeline`,
          },
        ),
        row("times faster, although the face is detected twice", "x", against(twos, rate)),
        row("times less CPU time", "x", against(twos, cpu), {
          note: "what other programs take does not count",
        }),
        row("times faster, one pipeline that does it all", "x", against(single, rate), {
          note: "the peer's work, with one detection as the peer has (bench/pipelines/everything.yaml)",
          target: { least: LEAST_TIMES },
        }),
        row("times less CPU time, one pipeline that does it all", "x", against(single, cpu)),
      ];
    } finally {
      peers.stop();
      await Promise.all([two.stop(), one.stop()]);
    }
  },
};

function row(name: string, unit: string, spread: Spread, extra: Partial<GroupRow> = {}): GroupRow {
  return { name, value: spread.median, unit, spread, ...extra };
}

/** Installs the peer's locked packages once. Needs npm and its registry the first time. */
async function installPeer(progress: (text: string) => void): Promise<void> {
  if (await exists(join(PEER, "node_modules/@vladmandic/human"))) return;
  progress("peer: installing it (once)");
  const npm = spawn("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: PEER, stdio: "ignore" });
  const code = await new Promise<number | null>((resolve, reject) => {
    npm.once("exit", resolve);
    npm.once("error", reject);
  });
  if (code !== 0) throw new Error(`npm ci in bench/peer ended with ${code}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** What both sides are compared by. */
type Pace = Pick<TeamAnswer, "rate" | "cpuMs">;

interface Ready {
  readonly node: string;
}
interface Warm {
  readonly faces: number;
  readonly version: string;
  readonly backend: string;
}
interface Ran {
  readonly count: number;
  readonly elapsedMs: number;
  /** Milliseconds the process was on a core. */
  readonly cpuMs: number;
}

/** The peer's processes, one a core. */
class PeerTeam {
  readonly #processes: readonly ChildProcess[];
  readonly node: string;
  readonly version: string;
  readonly backend: string;

  private constructor(processes: readonly ChildProcess[], ready: Ready, warm: Warm) {
    this.#processes = processes;
    this.node = ready.node;
    this.version = warm.version;
    this.backend = warm.backend;
  }

  static async start(size: number, pictures: readonly RawPicture[]): Promise<PeerTeam> {
    const folder = await mkdtemp(join(tmpdir(), "facewire-bench-"));
    try {
      const files = await Promise.all(
        pictures.map(async ({ data, width, height }, i) => {
          const path = join(folder, `${i}.rgb`);
          await writeFile(path, data);
          return { path, width, height };
        }),
      );
      const processes = Array.from({ length: size }, () =>
        fork(join(PEER, "human.mjs"), { execPath: "node", stdio: ["ignore", "ignore", "ignore", "ipc"] }),
      );
      const ready = await Promise.all(processes.map((child) => next<Ready>(child)));
      const answers = processes.map((child) => next<Warm>(child));
      for (const child of processes) child.send({ type: "pictures", files });
      const warm = await Promise.all(answers);
      const complete = warm.every(({ faces }) => faces === pictures.length);
      if (!complete) throw new Error(`the peer saw ${warm[0]?.faces} complete faces on ${pictures.length} pictures`);
      return new PeerTeam(processes, ready[0]!, warm[0]!);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** What all processes together do in a while. */
  async run(forMs: number): Promise<Pace> {
    const answers = this.#processes.map((child) => next<Ran>(child));
    for (const child of this.#processes) child.send({ type: "run", forMs });
    const all = await Promise.all(answers);
    const pictures = all.reduce((sum, { count }) => sum + count, 0);
    return {
      rate: all.reduce((sum, { count, elapsedMs }) => sum + (1000 * count) / elapsedMs, 0),
      cpuMs: all.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / pictures,
    };
  }

  stop(): void {
    for (const child of this.#processes) child.kill();
  }
}

function next<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the peer ended with ${code}`));
    child.once("exit", ended);
    child.once("error", reject);
    child.once("message", (message) => {
      child.off("exit", ended);
      child.off("error", reject);
      resolve(message as T);
    });
  });
}
