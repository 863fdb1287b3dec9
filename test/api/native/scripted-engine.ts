/** An engine that does as the test says, for tests that are about HTTP alone: no models, no workers. */
import { FacewireError } from "../../../src/errors.ts";
import type { Engine, ItemResult, PipelineDetail, RunRequest, RunResult } from "../../../src/pipeline/results.ts";

/** What the engine does; what is left out succeeds with one face-less item per picture. */
export interface Script {
  readonly admit?: (pipeline: string) => void;
  readonly run?: (request: RunRequest) => Promise<RunResult>;
  readonly item?: (name: string, index: number) => Partial<ItemResult>;
}

/** The engine and what it was asked. */
export interface ScriptedEngine extends Engine {
  readonly requests: RunRequest[];
}

/** The one pipeline there is. */
export const PIPELINE = "face-detect";

export function scriptedEngine(script: Script = {}): ScriptedEngine {
  const requests: RunRequest[] = [];
  const detail = (source: string): PipelineDetail => ({
    name: PIPELINE,
    description: "Scripted.",
    version: "0123456789ab",
    accepts: ["image"],
    status: "ok",
    definition: { name: PIPELINE },
    source,
    limits: { deadline_ms: 5000, files: 100 },
    parameters: {},
    aggregate: {},
    plan: { nodes: [], edges: [], hops: [] },
    stage_schemas: {},
  });
  return {
    requests,
    admit(pipeline) {
      if (pipeline !== PIPELINE) {
        throw new FacewireError("pipeline_unknown", `No pipeline is called ${pipeline}.`, {
          details: { nearest: PIPELINE },
        });
      }
      script.admit?.(pipeline);
    },
    async run(request) {
      requests.push(request);
      return script.run ? script.run(request) : runResult(request, script.item);
    },
    runVideo: () => Promise.reject(new FacewireError("input_not_accepted", "The scripted engine takes no videos.")),
    aggregate: () => ({}),
    pipelines: () =>
      [detail("")].map(({ name, description, version, accepts, status }) => ({
        name,
        description,
        version,
        accepts,
        status,
      })),
    pipeline: () => detail(""),
    validate: (source) => detail(source),
    health: () => ({ workers: { status: "ok" } }),
    drain: async () => undefined,
  };
}

/** A result with one item per picture. */
export function runResult(request: RunRequest, item?: Script["item"]): RunResult {
  return {
    request: request.id,
    pipeline: request.pipeline,
    version: "0123456789ab",
    items: request.files.map(({ name }, index) => ({
      index,
      name,
      status: "no_face",
      faces: [],
      ...item?.(name, index),
    })),
    aggregate: {},
    elapsed_ms: 1,
  };
}

/** A run that ends only when it is cancelled, and says so as the engine does. */
export function untilCancelled(request: RunRequest): Promise<RunResult> {
  return new Promise((_, reject) => {
    const give = () => reject(new FacewireError("request_cancelled", "The client left before the answer."));
    request.signal?.addEventListener("abort", give, { once: true });
  });
}
