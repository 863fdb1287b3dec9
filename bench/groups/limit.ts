/** How near the stages come to the bare calls of the models they use. */
import { ComputeTeam } from "../compute/team.ts";
import { decodeRaw, hdPictures, type PictureKind } from "../pictures.ts";
import { alternate } from "../rounds.ts";
import { PIPELINES } from "../setup.ts";
import { median, spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupContext, GroupRow } from "./group.ts";

/** Share of the limit that the pipelines must reach. */
const LEAST_SHARE = 0.9;

export const limit: BenchGroup = {
  name: "limit",
  about: "bare model calls, and the pipelines from decoded pictures, on the same workers",
  async measure(context) {
    return [
      ...(await measureKind(context, "one-face", { least: LEAST_SHARE })),
      // More faces are more model work for the same picture work: easier, so no target of its own.
      ...(await measureKind(context, "several-faces", undefined)),
    ];
  },
};

async function measureKind(
  { setup, cores, quick, progress }: GroupContext,
  kind: PictureKind,
  target: GroupRow["target"],
): Promise<GroupRow[]> {
  progress(`limit, ${kind}: loading`);
  const encoded = await hdPictures(kind);
  const pictures = await Promise.all(encoded.map(({ bytes }) => decodeRaw(bytes)));
  const plans = PIPELINES.map((name) => setup.plans.get(name)!);
  const team = await ComputeTeam.start(cores, {
    cards: setup.catalog.list(),
    modelFiles: setup.modelFiles,
    plans,
    pictures,
  });
  checkFaces(kind, team.faces);
  try {
    const passes = kind === "one-face" ? 3 : 1;
    progress(`limit, ${kind}: measuring`);
    const rounds = await alternate(
      quick ? 6 : 30,
      () => team.run("calls", passes),
      () => team.run("stages", passes),
    );
    const shares = rounds.map(({ first, second }) => second.rate / first.rate);
    const cpuShares = rounds.map(({ first, second }) => first.cpuMs / second.cpuMs);
    const calls = rounds.map(({ first }) => first.rate);
    const stages = rounds.map(({ second }) => second.rate);
    const copied = median(rounds.map(({ second }) => second.copyMs));
    const faces = team.faces.map((perPlan) => perPlan.join("+")).join(" ");
    return [
      {
        name: `${kind}: bare model calls`,
        value: median(calls),
        unit: "pictures/s",
        spread: spreadOf(calls),
        note: `faces per picture and pipeline ${faces}`,
      },
      {
        name: `${kind}: pipelines from decoded pictures`,
        value: median(stages),
        unit: "pictures/s",
        spread: spreadOf(stages),
        note: `a picture goes through ${PIPELINES.join(" and ")}; without ${copied.toFixed(2)} ms for taking its pixels over twice`,
      },
      {
        name: `${kind}: share of the limit`,
        value: median(shares),
        unit: "",
        spread: spreadOf(shares),
        ...(target ? { target } : {}),
        note: "by the wall clock, round by round",
      },
      {
        name: `${kind}: share of the limit by CPU time`,
        value: median(cpuShares),
        unit: "",
        spread: spreadOf(cpuShares),
        note: "the workers' own time on a core: what other programs take does not count",
      },
    ];
  } finally {
    await team.stop();
  }
}

/** Pictures that show something else than they are meant to would make another benchmark of it. */
function checkFaces(kind: PictureKind, faces: readonly (readonly number[])[]): void {
  const found = faces.map((perPlan) => perPlan.at(-1) ?? 0);
  const right = kind === "one-face" ? found.every((count) => count === 1) : found.every((count) => count >= 3);
  if (!right) throw new Error(`the ${kind} pictures show ${found.join(", ")} faces`);
}
