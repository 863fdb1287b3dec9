/** What a run of a long video keeps for its aggregate. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { scripted, startTestServer, testVideo } from "../../src/testing/index.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { hasFfmpeg } from "../support/videos.ts";

test.skipIf(!hasFfmpeg())("who makes the aggregate of a video keeps the engine from making one", async () => {
  await using server = await startTestServer({ models: { "*": scripted() } });
  const path = join(temporaryFolder("facewire-aggregate-"), "video.mp4");
  await Bun.write(path, await testVideo({ rate: 5, seconds: 1 }));
  const run = async (wish: { readonly aggregate?: boolean }) => {
    let primaries = 0;
    const { aggregate } = await server.app.engine.runVideo({
      ...{ id: "one", pipeline: "video-liveness", path, name: "video", ...wish },
      onItem(_, primary) {
        if (primary) primaries++;
      },
    });
    return { primaries, keys: Object.keys(aggregate) };
  };
  expect(await run({})).toEqual({ primaries: 5, keys: ["liveness", "quality"] });
  expect(await run({ aggregate: false })).toEqual({ primaries: 5, keys: [] });
});
