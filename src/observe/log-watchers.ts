/** Turns what the engine and the listeners do into log lines. */
import { ERROR_CODES, FacewireError } from "../errors.ts";
import type { Logger } from "./logs.ts";
import type { EngineWatcher, GroupMemberReport, GroupWatcher, HttpExchange, HttpWatcher } from "./reports.ts";

/** One line a failed picture, lost worker or changed pipeline; every picture at level `debug`. */
export function engineLog(logger: Logger): EngineWatcher {
  return {
    item({ stages: _stages, internal, code, ...report }) {
      const fields = { ...report, code };
      if (code === undefined) logger.debug("picture done", fields);
      // What the caller's own picture is to blame for is no trouble of the server's.
      else if (ERROR_CODES[code].status < 500) logger.info("picture refused", fields);
      else logger.error("picture failed", { ...fields, internal });
    },
    refused(pipeline, code) {
      logger.debug("request not taken", { pipeline, code });
    },
    workerLost(place, cause) {
      logger.error("inference worker lost", { worker: place, cause });
    },
    pipelineChanged(pipeline, version, error) {
      if (error)
        logger.error("changed pipeline not taken up", { pipeline, version, code: error.code, cause: error.message });
      else logger.info("pipeline taken up", { pipeline, version });
    },
  };
}

/** One line for each process of a group that comes, goes, or cannot run a pipeline. */
export function groupLog(logger: Logger): GroupWatcher {
  const fields = ({ member, host, pid, groups }: GroupMemberReport) => ({ member, host, process: pid, groups });
  return {
    memberJoined: (member) => logger.info("process joined", fields(member)),
    memberLeft: (member) => logger.info("process left", fields(member)),
    memberLost: (member, cause, items) => logger.error("process lost", { ...fields(member), cause, items }),
    planRefused: (member, pipeline, reason) =>
      logger.error("process cannot run a pipeline", { ...fields(member), pipeline, reason }),
  };
}

const LOAD_ANSWERS: ReadonlySet<number> = new Set([503, 504]);

/** Which of the kinds of a failure it is, such as `disk_full`; not every code has them. */
function reasonOf(error: HttpExchange["error"]): unknown {
  return error instanceof FacewireError ? error.details?.reason : undefined;
}

/** One line an HTTP request, with its id, route, status and time; failures of the server's with their cause. */
export function httpLog(logger: Logger): HttpWatcher {
  return {
    started() {},
    finished({ id, method, path, shownPath, route, pipeline, token, error }, status, ms, peer) {
      // The name of a token is no secret, but the key "token" is one.
      const fields = {
        request: id,
        method,
        path: shownPath ?? path,
        route,
        pipeline,
        caller: token,
        peer,
        status,
        ms: Math.round(ms * 10) / 10,
      };
      // A dialect may have to answer 500 where it says nothing of the kind, so Facewire's own word goes before.
      const meant = status >= 500 && error ? ERROR_CODES[error.code].status : status;
      // 503 and 504 are how load is answered: under overload, or while the database is away, they come by the thousand, and
      // none needs its stack.
      if (LOAD_ANSWERS.has(status) || LOAD_ANSWERS.has(meant)) {
        logger.warn("request not served", { ...fields, code: error?.code, reason: reasonOf(error) });
      } else if (meant >= 500) {
        logger.error("request failed", { ...fields, error });
      } else logger.info("request", error ? { ...fields, code: error.code } : fields);
    },
  };
}
