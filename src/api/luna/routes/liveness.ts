/** `POST /4/liveness`: is the person on each picture a live one? Nothing is stored, and no event is told to the account. */
import { Downloader } from "../../../net/download.ts";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { aggregated, type JudgedPicture, judged, unread } from "../liveness-judgement.ts";
import { type LivenessPicture, LivenessPictures } from "../liveness-pictures.ts";
import { type AccountCall, json, type LunaOperation } from "../operation.ts";
import { readFlag } from "../query.ts";

const PIPELINE = "luna-liveness";

/** See the file's head. */
export function livenessOperations(context: LunaContext): readonly LunaOperation[] {
  const { luna } = context.settings;
  const downloader = new Downloader({
    allow: luna.urls.allow,
    answerTimeoutMs: luna.urls.answer_timeout,
    timeoutMs: luna.urls.timeout,
    maxBytes: luna.urls.max_bytes,
  });
  const pictures = new LivenessPictures(context.settings, downloader);
  return [
    {
      method: "POST",
      path: "/4/liveness",
      access: "account",
      admit() {
        if (!luna.liveness) throw new LunaError(11054, "Liveness service is disabled");
      },
      async handle(call) {
        const aggregate = readFlag(call.url.searchParams, "aggregate") ?? false;
        const images = await judge(context, call, await pictures.read(call));
        const liveness = aggregate ? aggregated(images, luna.liveness_quality) : undefined;
        return json({ images, ...(liveness && { aggregate_estimations: { liveness } }) });
      },
    },
  ];
}

/** All pictures run at once. */
async function judge(
  { engine, settings }: LunaContext,
  call: AccountCall,
  pictures: readonly LivenessPicture[],
): Promise<readonly JudgedPicture[]> {
  const files = pictures.flatMap(({ filename, bytes }, at) =>
    // An address may carry secrets in its query, and names go into logs.
    bytes ? [{ name: URL.canParse(filename) ? `url ${at + 1}` : filename, bytes }] : [],
  );
  const traceparent = call.request.headers.get("traceparent");
  const items =
    files.length === 0
      ? []
      : (
          await engine.run({
            id: call.exchange.id,
            pipeline: PIPELINE,
            files,
            deadlineMs: Math.max(1, call.deadline - Date.now()),
            signal: call.signal,
            ...(traceparent === null ? {} : { traceparent }),
          })
        ).items;
  const results = [...items];
  return pictures.map((picture) => {
    const item = picture.bytes && results.shift();
    return item ? judged(picture, item, settings.luna.liveness_quality) : unread(picture);
  });
}
