/** Reads what comes from the server for one bus, and sees to what cannot be read. */
import type { Msg } from "nats";
import { FacewireError } from "../../errors.ts";
import type { Delivery } from "../bus.ts";
import type { BusCounts } from "../counts.ts";
import { checkSubject } from "../subject.ts";
import { readMessage, readWork, type SentWork } from "./envelope.ts";
import type { MalformedReport, MalformedTaker } from "./malformed.ts";
import type { NatsNames } from "./names.ts";
import { NatsResponder, type ResponderHost } from "./responder.ts";

/** What reading needs of its bus. */
export interface IncomingParts {
  readonly names: NatsNames;
  /** Largest message as `measureMessage` counts it, in bytes. */
  readonly limit: () => number;
  readonly counts: BusCounts;
  readonly responders: ResponderHost;
  readonly onMalformed: MalformedTaker;
}

/** See the file's head. Nothing in here throws: it is called by the client's reader, which an exception would end. */
export class Incoming {
  readonly #parts: IncomingParts;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  /** A message for a subscriber; one that cannot be read is reported and its asker refused. */
  delivery(message: Msg): Delivery | undefined {
    const { names, limit, responders } = this.#parts;
    const subject = names.subjectOf(message.subject);
    const responder = message.reply ? new NatsResponder(message, responders) : undefined;
    try {
      checkSubject(subject);
      const sent = readMessage(message.data, limit());
      return { subject, ...sent, ...(responder && { responder }) };
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      responder?.refuse(error.toPublic());
      this.reportNow({ kind: "message", subject, error, payload: message.data });
      return undefined;
    }
  }

  /** Work for a consumer; for what cannot be read, the call that reports it. */
  work(queue: string, message: Msg): SentWork | (() => Promise<void>) {
    try {
      return readWork(message.data, this.#parts.limit());
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      this.#parts.counts.malformed++;
      const report: MalformedReport = { kind: "work", subject: queue, error, payload: message.data };
      return async () => this.#parts.onMalformed(report);
    }
  }

  /** Counts and reports what nobody will see again. */
  reportNow(report: MalformedReport): void {
    this.#parts.counts.malformed++;
    // A taker that fails has lost it, and has its own way to say so.
    void (async () => this.#parts.onMalformed(report))().catch(() => {});
  }
}
