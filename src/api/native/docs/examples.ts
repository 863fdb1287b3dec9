/** Examples of the API's reference; the suite checks them against the schemas. */

const REQUEST = "01JD8Q4M7V3N5X2B6K9R0T1W8Z";

const LIVENESS = { prediction: "live", probability: 0.981, score: 3.945, calibration: "REGULAR", raw: 0.957 };

/** A run of one picture with one live face. */
export const RUN_EXAMPLE = {
  request: REQUEST,
  pipeline: "face-liveness",
  version: "5b1f0c9a72de",
  items: [
    {
      index: 0,
      name: "body",
      status: "ok",
      picture: { width: 1280, height: 720, format: "jpeg" },
      faces: [{ box: { x: 512.4, y: 160.2, width: 210.8, height: 268.1 }, score: 0.998, liveness: LIVENESS }],
      timing: { queue_ms: 0.4, decode_ms: 7.6, stages_ms: 13.2 },
    },
  ],
  aggregate: { liveness: { method: "mean", pictures: 1, value: LIVENESS } },
  elapsed_ms: 22.1,
};

/** A run in which no picture could be worked on. */
export const FAILED_RUN_EXAMPLE = {
  error: { code: "picture_truncated", message: "The picture ends before its data is complete." },
  request: REQUEST,
  pipeline: "face-liveness",
  version: "5b1f0c9a72de",
  items: [
    {
      index: 0,
      name: "body",
      status: "failed",
      faces: [],
      error: { code: "picture_truncated", message: "The picture ends before its data is complete." },
    },
  ],
  aggregate: { liveness: null },
  elapsed_ms: 3.2,
};

const SUMMARY = {
  name: "face-liveness",
  description: "Is the largest face on the picture a live person?",
  version: "5b1f0c9a72de",
  accepts: ["image"],
  status: "ok",
};

/** A list of pipelines. */
export const PIPELINES_EXAMPLE = { request: REQUEST, pipelines: [SUMMARY] };

/** The source of {@link PIPELINE_EXAMPLE}. */
export const DEFINITION_EXAMPLE = `name: my-detect
description: Finds the largest face.
stages:
  - detect: { faces: largest }
`;

/** A pipeline in full. */
export const PIPELINE_EXAMPLE = {
  request: REQUEST,
  name: "my-detect",
  description: "Finds the largest face.",
  version: "c0ffee123456",
  accepts: ["image"],
  status: "ok",
  definition: { name: "my-detect", description: "Finds the largest face.", stages: [{ detect: { faces: "largest" } }] },
  source: DEFINITION_EXAMPLE,
  limits: { deadline_ms: 5000, files: 100 },
  aggregate: {},
  plan: {
    nodes: [
      {
        id: "1",
        stage: "1. detect",
        kind: "detect",
        options: { faces: "largest" },
        reads: ["picture"],
        writes: ["face.box"],
        models: ["detector-default"],
        measured_ms: 4.1,
        cost: "About 4 ms a picture.",
      },
    ],
    edges: [],
    hops: [],
  },
  parameters: {},
  stage_schemas: { detect: { type: "object" } },
};

/** A list of models. */
export const MODELS_EXAMPLE = {
  request: REQUEST,
  models: [
    {
      name: "fr-liveness",
      task: "liveness",
      aliases: ["liveness-default"],
      version: "1",
      state: "ready",
      description: "Passive liveness of one face.",
      input: { width: 128, height: 128, color: "bgr" },
      outputs: { live: "softmax" },
      calibrations: { SOFT: 0.2, REGULAR: 0.3, HARD: 0.5 },
      license: "MIT",
      provenance: "npm package, as published.",
      accuracy: ["EER 6 % on 80 live and 88 spoof frames."],
      sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
  ],
};

/** Health with one part that is not well. */
export const HEALTH_EXAMPLE = {
  request: REQUEST,
  status: "degraded",
  parts: {
    workers: { status: "ok", details: { size: 2, ready: 2, busy: 0, restarts: 0 } },
    models: { status: "degraded", message: "Model fr-emotion is missing." },
  },
};

/** A short state. */
export const STATUS_EXAMPLE = { request: REQUEST, status: "ok" };
