/** Whether videos can be decoded on this machine. */
import { FacewireError } from "../../errors.ts";
import { causeOf, startTool, type ToolEnd, wasNotRunnable } from "./tool.ts";

/** The version an ffmpeg command names itself with. Rejects with `video_unavailable` when it is missing or cannot be run. */
export async function ffmpegVersion(command: string): Promise<string> {
  const run = await startTool({ command, output: { url: "pipe:1", options: ["-version"] } });
  const end = await run.ended;
  const version = /^ffmpeg version (\S+)/.exec(end.stdout)?.[1];
  if (end.failure || !version) throw unavailable(end);
  return version;
}

/** The error for a tool that could not be run; undefined when it could. */
export function unavailability(end: ToolEnd): FacewireError | undefined {
  return wasNotRunnable(end) ? unavailable(end) : undefined;
}

function unavailable(end: ToolEnd): FacewireError {
  const cause = causeOf(end);
  return new FacewireError(
    "video_unavailable",
    "Videos cannot be decoded: ffmpeg is missing or cannot be run. Install it (apt-get install ffmpeg) or set video.ffmpeg.",
    cause ? { cause } : {},
  );
}
