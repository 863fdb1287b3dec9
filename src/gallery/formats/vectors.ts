/** Descriptors as files and back, by the numbers that model cards carry (`sdk_version`). */
import type { ModelCard } from "../../inference/card.ts";
import type { ModelCatalog } from "../../inference/catalog.ts";
import type { Vector } from "../../store/gallery/records.ts";
import { type PayloadRule, readPayload, writePayload } from "./payload.ts";
import { DescriptorBytesError } from "./problem.ts";
import { type NumberedPayload, readSdk, writeSdk } from "./sdk.ts";
import { readXpk, writeXpk } from "./xpk.ts";

/** The model whose descriptors a container must hold: the one that new descriptors are made with. */
const DEFAULT_MODEL = "descriptor-default";

/** A single descriptor in its envelope. Throws `DescriptorBytesError`. */
export function readSdkVector(models: ModelCatalog, bytes: Uint8Array): Vector {
  return vectorOf(models, readSdk(bytes));
}

/** The default model's descriptor of a container; the others are not looked at. Throws `DescriptorBytesError`. */
export function readXpkVector(models: ModelCatalog, bytes: Uint8Array): Vector {
  const entries = readXpk(bytes);
  const wanted = models.find(DEFAULT_MODEL)?.sdk_version;
  const entry = entries.find(({ version }) => version === wanted);
  if (entry === undefined) {
    throw new DescriptorBytesError({ kind: "missing" }, "The container holds no descriptor of the default model.");
  }
  return vectorOf(models, entry);
}

/** The numbers alone, with the number of their model told apart from them. Throws `DescriptorBytesError`. */
export function readRawVector(models: ModelCatalog, version: number, payload: Uint8Array): Vector {
  return vectorOf(models, { version, payload });
}

/** A descriptor in its envelope; undefined when its model is not here any more, or has no number. */
export function writeSdkVector(models: ModelCatalog, vector: Vector): Uint8Array | undefined {
  const numbered = numberedOf(models, vector);
  return numbered && writeSdk(numbered);
}

/** A container with the one descriptor; undefined as with {@link writeSdkVector}. */
export function writeXpkVector(models: ModelCatalog, vector: Vector): Uint8Array | undefined {
  const numbered = numberedOf(models, vector);
  return numbered && writeXpk([numbered]);
}

function vectorOf(models: ModelCatalog, { version, payload }: NumberedPayload): Vector {
  const card = models.list().find(({ sdk_version }) => sdk_version === version);
  const rule = card && payloadRule(card);
  if (!card || !rule) {
    throw new DescriptorBytesError(
      { kind: "version", version },
      `No model here has the descriptor version ${version}.`,
    );
  }
  return { model: card.name, version: card.version, values: readPayload(payload, rule) };
}

function numberedOf(models: ModelCatalog, { model, version, values }: Vector): NumberedPayload | undefined {
  const card = models.find(model);
  if (card?.sdk_version === undefined || card.version !== version) return undefined;
  return { version: card.sdk_version, payload: writePayload(values) };
}

function payloadRule({ outputs }: ModelCard): PayloadRule | undefined {
  const rule = outputs.descriptor;
  return rule?.decode === "embedding" ? { length: rule.length, unit: rule.normalize === "l2" } : undefined;
}
