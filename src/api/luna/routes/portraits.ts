/** Portraits of descriptors, and their thumbnails. */
import { thumbnail } from "../../../media/thumbnail.ts";
import type { Sample } from "../../../store/gallery/records.ts";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import type { AccountCall, LunaOperation } from "../operation.ts";

/** Longer sides of thumbnails as they are written in addresses. */
const SIDES = new Map([32, 64, 96, 160].map((side) => [String(side), side]));

export function portraitsOperations({ settings, store }: LunaContext): readonly LunaOperation[] {
  const admit = () => {
    if (!settings.luna.portraits) throw new LunaError(11070, "Luna Image Store service is disabled");
  };
  return [
    {
      method: "GET",
      path: "/4/storage/portraits/:descriptor_id",
      access: "account",
      admit,
      async handle(call) {
        const id = call.params.descriptor_id as string;
        const { bytes } = await sampleOf(call, id, id);
        return pictureAnswer(call, id, async () => bytes);
      },
    },
    {
      method: "GET",
      path: "/4/storage/portraits/:descriptor_id_with_thumbnails",
      access: "account",
      admit,
      async handle(call) {
        const name = call.params.descriptor_id_with_thumbnails as string;
        const [id = "", suffix = ""] = name.split("_");
        const side = SIDES.get(suffix);
        if (side === undefined) throw notFound(name);
        const { bytes } = await sampleOf(call, id, name);
        return pictureAnswer(call, name, () => thumbnail(bytes, side));
      },
    },
  ];

  async function sampleOf(call: AccountCall, id: string, name: string): Promise<Sample> {
    const sample = await store.descriptors.sample(call.caller.account, id);
    if (!sample) throw notFound(name);
    return sample;
  }
}

/** A picture that never changes as long as it is there: who has it already is told so, and asks again each time. */
async function pictureAnswer(call: AccountCall, name: string, picture: () => Promise<Uint8Array>): Promise<Response> {
  const etag = `"${name}"`;
  const headers = { etag, "cache-control": "private, no-cache" };
  const held = call.request.headers
    .get("if-none-match")
    ?.split(",")
    .map((each) => each.trim().replace(/^W\//, ""));
  if (held?.includes(etag)) return new Response(null, { status: 304, headers });
  const bytes = (await picture()) as Uint8Array<ArrayBuffer>;
  return new Response(bytes, { headers: { ...headers, "content-type": "image/jpeg" } });
}

function notFound(name: string): LunaError {
  return new LunaError(13003, `Image with id '${name}' not found`);
}
