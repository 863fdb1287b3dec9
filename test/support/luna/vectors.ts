/** Descriptors whose likeness a test chooses, as clients upload them. */
import type { LunaAccount, LunaClient } from "./client.ts";

const LENGTH = 512;
/** `sdk_version` of the default model's card. */
export const VERSION = 1001;
export const SDK = "application/x-vl-face-descriptor";
export const XPK = "application/x-vl-xpk";

/** A vector of length 1 in the plane of the first axis and another: `cosine` is that of its angle to the first axis. */
export function near(cosine: number, axis = 1): Float32Array {
  const values = new Float32Array(LENGTH);
  values[0] = cosine;
  values[axis] = Math.sqrt(1 - cosine * cosine);
  return values;
}

/** The similarity that two descriptors of a cosine have. */
export function similarityAt(cosine: number): number {
  return (1 + Math.exp(-13.3 * 0.53)) / (1 + Math.exp(-13.3 * (cosine - 0.47)));
}

/** The numbers as bytes. */
export function payload(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/** The envelope of a single descriptor. */
export function sdk(values: Float32Array, version = VERSION): Uint8Array {
  return Buffer.concat([Buffer.from("dp\0\0"), u32(version), payload(values)]);
}

/** A container of one descriptor. */
export function xpk(values: Float32Array, version = VERSION): Uint8Array {
  const bytes = payload(values);
  const head = [Buffer.from("XPK1"), Buffer.from([1, 0, 1, 0]), u32(version), u32(0), u32(24), u32(bytes.byteLength)];
  const body = Buffer.concat([...head, bytes]);
  return Buffer.concat([body, u32(Bun.hash.crc32(body))]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** Stores and links for tests, each answer's success checked. */
export class Gallery {
  readonly client: LunaClient;

  constructor({ client }: Pick<LunaAccount, "client">) {
    this.client = client;
  }

  /** Stores a descriptor; its id. */
  async descriptor(values: Float32Array, version = VERSION): Promise<string> {
    const { faces } = await this.#ok(this.client.post("/4/storage/descriptors", sdk(values, version), { type: SDK }));
    return faces[0].id;
  }

  /** Makes a person of descriptors, on lists; its id and theirs. */
  async person(
    userData: string,
    vectors: readonly Float32Array[] = [],
    lists: readonly string[] = [],
  ): Promise<{ readonly id: string; readonly descriptors: readonly string[] }> {
    const body = { user_data: userData, external_id: `ext ${userData}` };
    const { person_id: id } = await this.#ok(this.client.post("/4/storage/persons", body));
    const descriptors: string[] = [];
    for (const vector of vectors) {
      const descriptor = await this.descriptor(vector);
      await this.attach(id, descriptor);
      descriptors.push(descriptor);
    }
    for (const list of lists) {
      await this.#ok(this.client.patch(`/4/storage/persons/${id}/linked_lists?list_id=${list}&do=attach`));
    }
    return { id, descriptors };
  }

  async attach(person: string, descriptor: string): Promise<void> {
    const path = `/4/storage/persons/${person}/linked_descriptors?descriptor_id=${descriptor}&do=attach`;
    await this.#ok(this.client.patch(path));
  }

  /** Makes a list; its id. */
  async list(type: "persons" | "descriptors", members: readonly string[] = [], data = ""): Promise<string> {
    const { list_id } = await this.#ok(this.client.post(`/4/storage/lists?type=${type}`, { list_data: data }));
    if (members.length > 0) {
      const ids = type === "persons" ? { person_ids: members } : { descriptor_ids: members };
      await this.#ok(this.client.patch("/4/storage/linker", { action: "attach", list_id, ...ids }));
    }
    return list_id;
  }

  /** How many descriptors the account has. */
  async count(): Promise<number> {
    return (await this.#ok(this.client.get("/4/storage/descriptors"))).count;
  }

  async #ok<T>(answer: Promise<{ readonly status: number; readonly body: T }>): Promise<T> {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body;
  }
}
