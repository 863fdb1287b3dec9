/** Objects for tests of storing and linking. Descriptors are uploaded: no face is needed for them. */
import { writePayload } from "../../../src/gallery/formats/payload.ts";
import { writeSdk } from "../../../src/gallery/formats/sdk.ts";
import type { LunaClient } from "./client.ts";

/** `sdk_version` of the default model. */
export const SDK_VERSION = 1001;
export const SDK_TYPE = "application/x-vl-face-descriptor";
export const XPK_TYPE = "application/x-vl-xpk";

/** Numbers from 0 to 1; the same ones for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A vector of length 1; the same for the same seed. */
export function unitVector(seed: number): Float32Array {
  const next = randomNumbers(seed);
  const raw = Float64Array.from({ length: 512 }, () => next() - 0.5);
  const length = Math.hypot(...raw);
  return Float32Array.from(raw, (value) => value / length);
}

/** {@link unitVector} as clients upload it. */
export function sdkFile(seed: number): Uint8Array {
  return writeSdk({ version: SDK_VERSION, payload: writePayload(unitVector(seed)) });
}

/** Stores `count` descriptors; their ids, oldest first. */
export async function newDescriptors(client: LunaClient, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const { status, body } = await client.post("/4/storage/descriptors", sdkFile(seed), { type: SDK_TYPE });
    if (status !== 201) throw new Error(`No descriptor: ${status} ${JSON.stringify(body)}`);
    ids.push(body.faces[0].id);
  }
  return ids;
}

export async function newDescriptor(client: LunaClient): Promise<string> {
  return (await newDescriptors(client, 1))[0]!;
}

/** Makes a person; its id. */
export async function newPerson(client: LunaClient, body: object = {}): Promise<string> {
  return (await client.post("/4/storage/persons", body)).body.person_id;
}

/** Makes a list; its id. */
export async function newList(client: LunaClient, type: "persons" | "descriptors", data = ""): Promise<string> {
  return (await client.post("/4/storage/lists", { list_data: data }, { query: { type } })).body.list_id;
}
