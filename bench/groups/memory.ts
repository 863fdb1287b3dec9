/** Whether memory stays as it is, and how long a start takes. */
import { mixedPictures } from "../pictures.ts";
import { checkAnswers, startService } from "../service/service.ts";
import { spreadOf } from "../statistics.ts";
import type { BenchGroup, GroupRow } from "./group.ts";

const CONNECTIONS = 8;
/** Different pictures: sizes, formats and content in all combinations. */
const PICTURES = 24;
/** Looks at the resident size around a mark, and the pictures between two of them. */
const LOOKS = 7;
const BETWEEN_LOOKS = 50;
/** Growth between the two looks that still counts as flat: a twentieth, or what an allocator keeps to itself. */
const MOST_GROWTH = 0.05;
/** Milliseconds a start with all models in place may take. */
const MOST_START = 3000;

export const memory: BenchGroup = {
  name: "memory",
  about: "resident size after 2,000 and after 10,000 pictures of mixed sizes over HTTP; time of a start",
  async measure({ setup, quick, progress }) {
    progress("memory: starting the server");
    const service = await startService(setup);
    try {
      const { server, load } = service;
      await service.use(await mixedPictures(PICTURES));
      const [early, late] = quick ? [400, 1200] : [2000, 10_000];
      const fresh = await server.ask({ type: "memory" });
      let done = 0;
      const work = async (pictures: number) => {
        checkAnswers(await load.ask({ type: "count", connections: CONNECTIONS, requests: pictures }));
        done += pictures;
      };
      // One look says when the last collection was; several say what is held.
      const sizeAfter = async (pictures: number) => {
        progress(`memory: ${pictures.toLocaleString("en")} pictures`);
        await work(pictures - done);
        const looks: number[] = [];
        for (let look = 0; look < LOOKS; look++) {
          looks.push((await server.ask({ type: "memory" })).residentMiB);
          await work(BETWEEN_LOOKS);
        }
        return spreadOf(looks);
      };
      const afterEarly = await sizeAfter(early);
      const afterLate = await sizeAfter(late);
      return [
        {
          name: "start to ready",
          value: service.startMs,
          unit: "ms",
          target: { most: MOST_START },
          note: "database, pipelines, all models in all workers, listening",
        },
        { name: "resident size when fresh", value: fresh.residentMiB, unit: "MiB" },
        {
          name: `resident size after ${early.toLocaleString("en")} pictures`,
          value: afterEarly.median,
          spread: afterEarly,
          unit: "MiB",
          note: `${PICTURES} pictures in turn, 240 to 2560 wide, JPEG, PNG and WebP; each request is a picture through one of the pipelines`,
        },
        {
          name: `resident size after ${late.toLocaleString("en")} pictures`,
          value: afterLate.median,
          spread: afterLate,
          unit: "MiB",
        },
        {
          name: "growth between the two",
          value: afterLate.median / afterEarly.median - 1,
          unit: "",
          target: { most: MOST_GROWTH },
        },
      ] satisfies GroupRow[];
    } finally {
      await service.stop();
    }
  },
};
