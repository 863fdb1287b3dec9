/** Clears away what jobs leave: ended ones past their retention, uploads that broke off, events nobody told. */
import type { Clock } from "../bus/clock.ts";
import type { Logger } from "../observe/logs.ts";
import type { JobContent } from "../store/job-content.ts";
import type { Jobs } from "../store/jobs.ts";
import type { JobFolders } from "./folders.ts";
import type { Leases } from "./leases.ts";
import type { JobNews } from "./news.ts";

/** What is kept in order. */
export interface HousekeepingOptions {
  readonly jobs: Jobs;
  readonly content: JobContent;
  readonly folders: JobFolders;
  readonly leases: Leases;
  readonly news: JobNews;
  readonly logger: Logger;
  /** Milliseconds that ended jobs are kept. */
  readonly retention: number;
  readonly clock: Clock;
}

/** Milliseconds from one round to the next. */
const EVERY = 60_000;

/** Clears up now and every minute; the answer ends it, when a round that has begun is done. */
export function keepJobsInOrder(options: HousekeepingOptions): () => Promise<void> {
  const round = () => clearUp(options).catch((error) => options.logger.warn("jobs not cleared up", { error }));
  let running = round();
  const cancel = options.clock.every(EVERY, () => {
    running = running.then(round);
    return running;
  });
  return () => {
    cancel();
    return running;
  };
}

/** One round. Safe while other processes work on the same folder: what they hold has a row that says so. */
export async function clearUp(options: HousekeepingOptions): Promise<void> {
  const { jobs, content, folders, leases, news, logger, retention, clock } = options;
  const expired = await jobs.expire(clock.now() - retention);
  if (expired > 0) logger.info("old jobs deleted", { deleted: expired });
  for (const id of await jobs.deletable(await leases.ended())) {
    await folders.remove(id);
    await content.delete(id);
  }
  // A row is there before its folder and goes after it, so a folder that nobody needs has been left by somebody.
  for (const id of await folders.list()) if (!(await jobs.needsFiles(id))) await folders.remove(id);
  await news.tellMissed();
}
