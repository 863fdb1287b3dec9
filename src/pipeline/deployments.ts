/**
 * Which version of each pipeline runs: new requests get the newest good one, running requests finish on theirs, and
 * workers drop a version when its last request is done.
 */
import { FacewireError } from "../errors.ts";
import { nearest } from "../yaml/nearest.ts";
import type { PipelineReading } from "./catalog.ts";
import type { Groups } from "./dispatcher.ts";
import { type Leg, legsOf, type RunsHere } from "./legs.ts";
import { type Plan, planKey } from "./plan.ts";
import type { PlannedPipeline } from "./planner.ts";
import type { InferenceWorkers } from "./workers.ts";

/** A version that workers hold. */
interface Deployed {
  readonly planned: PlannedPipeline;
  readonly legs: readonly Leg[];
  users: number;
  /** A newer version took its place. */
  retired: boolean;
}

/** One pipeline name. */
export interface PipelineEntry {
  readonly name: string;
  readonly file: string;
  /** The version that runs, or that workers take up for the first time; absent when none ever could. */
  readonly running: PlannedPipeline | undefined;
  /** Workers still take its first version up. */
  readonly loading: boolean;
  /** Why the text that was read last does not run. */
  readonly error: FacewireError | undefined;
}

interface Entry {
  name: string;
  file: string;
  deployed: Deployed | undefined;
  /** What the text was planned to, when only the workers could not take it up. */
  waiting: PlannedPipeline | undefined;
  /** The first version while nobody has waited for workers to take it up. */
  loading: PlannedPipeline | undefined;
  error: FacewireError | undefined;
}

/** What whoever keeps deployments is told. */
export interface DeploymentEvents {
  /** A version was swapped in; or, with `error`, a changed file could not be taken up. */
  onChange(name: string, version: string, error: FacewireError | undefined): void;
  /** Nothing will run on this version any more. */
  onDropped(legs: readonly Leg[]): void;
}

/** See the file's head. */
export class Deployments {
  readonly #workers: InferenceWorkers;
  readonly #groups: Groups | undefined;
  readonly #events: DeploymentEvents;
  readonly #runsHere: RunsHere;
  readonly #entries = new Map<string, Entry>();
  /** Versions that workers hold: those that run, and older ones that requests still use. */
  readonly #held = new Map<string, Deployed>();
  #turn: Promise<void> = Promise.resolve();

  constructor(workers: InferenceWorkers, groups: Groups | undefined, runsHere: RunsHere, events: DeploymentEvents) {
    this.#workers = workers;
    this.#groups = groups;
    this.#runsHere = runsHere;
    this.#events = events;
  }

  /** All pipelines by name. */
  list(): PipelineEntry[] {
    return [...this.#entries.values()].map(view).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Throws `pipeline_unknown` with the nearest name. */
  get(name: string): PipelineEntry {
    return view(this.#entry(name));
  }

  /**
   * The version for a new request, and the way to give it back when the request is done.
   * Throws `pipeline_unknown` or `pipeline_unavailable`.
   */
  use(name: string): { readonly planned: PlannedPipeline; readonly legs: readonly Leg[]; release(): void } {
    const deployed = this.#deployed(name);
    deployed.users++;
    const { planned, legs } = deployed;
    return {
      planned,
      legs,
      release: () => {
        deployed.users--;
        this.#dropUnused(deployed);
      },
    };
  }

  /** The version that a new request would get. Throws `pipeline_unknown` or `pipeline_unavailable`. */
  running(name: string): PlannedPipeline {
    return this.#entry(name).loading ?? this.#deployed(name).planned;
  }

  /** Has workers take a first version up that {@link begin} has listed; resolves when they have, or could not. */
  async ready(name: string): Promise<void> {
    const entry = this.#entry(name);
    if (entry.loading) await this.#inTurn(() => this.#takeFirst(entry));
  }

  /** Lists what the folder holds for the first time. Workers take a pipeline up when somebody asks for it with {@link ready}. */
  begin(readings: readonly PipelineReading[]): void {
    for (const { name, file, planned, error } of readings) {
      this.#entries.set(name, { ...NOTHING, name, file, loading: planned, error });
      if (!planned) this.#events.onChange(name, "", error);
    }
  }

  /** Takes over what the folder holds now. Calls take their turn. */
  update(readings: readonly PipelineReading[]): Promise<void> {
    return this.#inTurn(async () => {
      const names = new Set(readings.map((reading) => reading.name));
      for (const [name, entry] of this.#entries) {
        if (names.has(name)) continue;
        this.#entries.delete(name);
        // Whoever still waits for it finds nothing to take up.
        entry.loading = undefined;
        this.#retire(entry.deployed);
      }
      await Promise.all(readings.map((reading) => this.#take(reading)));
    });
  }

  /** Tries again what workers could not take up, such as after a missing model was brought. */
  retry(): Promise<void> {
    return this.#inTurn(async () => {
      for (const entry of this.#entries.values()) {
        if (entry.waiting) await this.#deploy(entry, entry.waiting);
      }
      this.#workers.retry();
    });
  }

  /** A version that ran can run no more, in no worker. Its waiting items are the caller's to fail. */
  fail(plan: Plan, error: FacewireError): void {
    const entry = this.#entries.get(plan.name);
    if (!entry?.deployed?.legs.some((leg) => planKey(leg.plan) === planKey(plan))) return;
    entry.waiting = entry.deployed.planned;
    this.#drop(entry.deployed);
    entry.deployed = undefined;
    entry.error = error;
    this.#events.onChange(plan.name, plan.version, error);
  }

  async #take(reading: PipelineReading): Promise<void> {
    const { name, file, planned, error } = reading;
    const known = this.#entries.get(name);
    const entry: Entry = known ?? { ...NOTHING, name, file };
    entry.waiting = undefined;
    if (!planned) {
      const isNews = entry.error?.message !== error?.message;
      entry.error = error;
      if (isNews) this.#events.onChange(name, "", error);
    } else if ((entry.loading ?? entry.deployed?.planned)?.plan.version === planned.plan.version) {
      entry.error = undefined;
    } else await this.#deploy(entry, planned);
    // A new name is listed once it is known whether it can run.
    this.#entries.set(name, entry);
  }

  /** By now somebody else may have had it taken up, or the file may have changed: for the better or for the worse. */
  async #takeFirst(entry: Entry): Promise<void> {
    const { loading, error } = entry;
    if (!loading) return;
    await this.#deploy(entry, loading);
    entry.error ??= error;
  }

  async #deploy(entry: Entry, planned: PlannedPipeline): Promise<void> {
    const { plan } = planned;
    try {
      // A version that was taken back before its last request was done is still there.
      const deployed = this.#held.get(planKey(plan)) ?? (await this.#define(planned));
      deployed.retired = false;
      this.#retire(entry.deployed);
      entry.deployed = deployed;
      entry.loading = undefined;
      entry.waiting = undefined;
      entry.error = undefined;
      this.#events.onChange(entry.name, plan.version, undefined);
    } catch (thrown) {
      const error = FacewireError.from(thrown, "pipeline_unavailable", "The workers could not take the pipeline up.");
      const isNews = entry.error?.message !== error.message;
      entry.loading = undefined;
      entry.waiting = planned;
      entry.error = error;
      if (isNews) this.#events.onChange(entry.name, plan.version, error);
    }
  }

  async #define(planned: PlannedPipeline): Promise<Deployed> {
    const legs = legsOf(planned.plan, this.#runsHere);
    try {
      await Promise.all(legs.map((leg) => this.#give(leg)));
    } catch (thrown) {
      for (const leg of legs) this.#takeBack(leg);
      throw thrown;
    }
    const deployed: Deployed = { planned, legs, users: 0, retired: false };
    this.#held.set(planKey(planned.plan), deployed);
    return deployed;
  }

  #give({ group, plan }: Leg): Promise<void> {
    if (group === undefined) return this.#workers.define(plan);
    return this.#groups?.define(group, plan) ?? Promise.resolve();
  }

  #takeBack({ group, plan }: Leg): void {
    if (group === undefined) this.#workers.forget(plan);
    else this.#groups?.forget(group, plan);
  }

  #retire(deployed: Deployed | undefined): void {
    if (!deployed) return;
    deployed.retired = true;
    this.#dropUnused(deployed);
  }

  #dropUnused(deployed: Deployed): void {
    if (deployed.retired && deployed.users === 0) this.#drop(deployed);
  }

  #drop(deployed: Deployed): void {
    const { plan } = deployed.planned;
    // After a failure the same version may have been taken up anew, while requests of the failed one end.
    if (this.#held.get(planKey(plan)) !== deployed) return;
    this.#held.delete(planKey(plan));
    for (const leg of deployed.legs) this.#takeBack(leg);
    this.#events.onDropped(deployed.legs);
  }

  #deployed(name: string): Deployed {
    const { deployed, error } = this.#entry(name);
    if (deployed) return deployed;
    throw new FacewireError("pipeline_unavailable", `Pipeline ${name} cannot run now.`, {
      details: { pipeline: name, ...(error ? { reason: error.toPublic() } : {}) },
      cause: error,
    });
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    const known = [...this.#entries.keys()].sort();
    const near = nearest(name, known);
    const message = `No pipeline is called "${name}".${near === undefined ? "" : ` Did you mean "${near}"?`}`;
    throw new FacewireError("pipeline_unknown", message, { details: { known, ...(near ? { nearest: near } : {}) } });
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(action);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

const NOTHING = { deployed: undefined, waiting: undefined, loading: undefined, error: undefined };

function view({ name, file, deployed, loading, error }: Entry): PipelineEntry {
  const running = deployed?.planned ?? loading;
  return { name, file, running, loading: loading !== undefined, error };
}
