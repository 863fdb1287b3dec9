/** Jobs as people read them. */
import type { JobDetailJson, JobJson } from "../../jobs/job-json.ts";
import { aggregateText } from "../run/text.ts";
import { bytesText, durationText, minuteText, plural } from "../units.ts";

/** `completed: 300 results, 296 with faces, 4 without a face; 42.1/s, took 7.1 s`. */
export function stateText({ state, progress, active_ms, error }: JobJson): string {
  const counts = [
    [progress.ok, "with faces"],
    [progress.no_face, "without a face"],
    [progress.rejected, "with all faces rejected"],
    [progress.failed, "failed"],
  ] as const;
  const parts = counts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  const results = [plural(progress.done, "result"), ...parts].join(", ");
  const why = error ? ` with ${error.code}: ${error.message}` : "";
  const rate = progress.rate === null ? "" : `; ${progress.rate.toFixed(1)}/s`;
  return `${state}${why}: ${results}${rate}, took ${durationText(active_ms / 1000)}`;
}

/** How far a job is, for a column of a table. */
export function progressCell({ progress, state }: JobJson): string {
  const { done, total, time_left_s } = progress;
  const share = total !== null && total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : "";
  const left = state === "running" && time_left_s !== null ? `, ${durationText(time_left_s)} left` : "";
  return `${done}${total === null ? "" : ` of ${total}`}${share}${left}`;
}

/** All that is known of a job, a line a fact. */
export function detailLines(job: JobDetailJson): string[] {
  const { id, pipeline, versions, files, bytes, created_at, started_at, ended_at, waiting_for } = job;
  const lines = [
    `job        ${id}`,
    `pipeline   ${pipeline}${versions.length > 0 ? ` (${versions.join(", ")})` : ""}`,
    `files      ${files}, ${bytesText(bytes)}`,
    `created    ${minuteText(Date.parse(created_at))}`,
    ...(started_at === null ? [] : [`started    ${minuteText(Date.parse(started_at))}`]),
    ...(ended_at === null ? [] : [`ended      ${minuteText(Date.parse(ended_at))}`]),
    `progress   ${progressCell(job)}`,
    `state      ${stateText(job)}`,
    ...(waiting_for ? [`waits      since ${minuteText(Date.parse(waiting_for.since))}: ${waiting_for.message}`] : []),
  ];
  for (const { name, codec, width, height, frames_analysed, frames_decoded, ended } of job.videos ?? []) {
    const tail = ended === "damaged" ? ", its end is damaged" : "";
    lines.push(
      `video      ${name}: ${codec} ${width}x${height}, ${frames_analysed} of ${frames_decoded} frames analysed${tail}`,
    );
  }
  if (jobAggregateText(job) !== "") lines.push(jobAggregateText(job).trimEnd());
  return lines;
}

/** Lines of a job's aggregate, with line ends; nothing where its pipeline aggregates nothing or it is not completed. */
export function jobAggregateText({ aggregate, files, videos }: JobDetailJson): string {
  if (!aggregate || Object.keys(aggregate).length === 0) return "";
  return aggregateText(aggregate, videos?.length === files ? "frame" : "picture");
}
