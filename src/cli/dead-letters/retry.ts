/** `facewire dead-letters retry`. */
import { MemoryDeadLetters } from "../../actors/dead-letters.ts";
import { DeadLetterRetries, type RetryOutcome } from "../../dead-letters/retries.ts";
import { FacewireError } from "../../errors.ts";
import type { DeadLetters } from "../../store/dead-letters.ts";
import { openStoreOf } from "../../store/store.ts";
import { openLocalEngine } from "../local-engine.ts";
import { note, print, printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { itemText } from "../run/text.ts";
import { settingsOf } from "../settings.ts";
import { listenForStop } from "../stop-signal.ts";

interface RetryOptions extends GlobalOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** How one letter fared. */
type Retried = RetryOutcome | FacewireError;

/**
 * Runs letters once more, one after the other, with an engine of its own: a server that runs beside it is not needed and
 * not disturbed, and cannot retry the same letter meanwhile.
 */
export async function retryLetters(ids: readonly string[], options: RetryOptions): Promise<number> {
  if (ids.length > 0 === (options.all === true)) {
    throw new FacewireError("usage", "Name the letters by their ids, or use --all.");
  }
  const settings = await settingsOf(options);
  const stop = listenForStop();
  await using opened = new AsyncDisposableStack();
  const { deadLetters } = opened.adopt(await openStoreOf(settings), (store) => store.close());
  const chosen = options.all ? await retriable(deadLetters) : ids;
  if (chosen.length === 0) {
    note("no letter has an input");
    return EXIT.ok;
  }
  const retries = new DeadLetterRetries(deadLetters);
  // What fails here has its letter already, and says so itself.
  const sink = retries.sink(new MemoryDeadLetters(0));
  const { engine } = opened.adopt(await openLocalEngine(settings, sink), (local) => local.close());
  opened.defer(() => stop.dispose());
  let mended = 0;
  for (const id of chosen) {
    const retried = await retries
      .retry(engine, id, { signal: stop.signal })
      .catch((thrown: unknown) => FacewireError.from(thrown));
    if (stop.signal.aborted) break;
    await (options.json ? printLine(jsonText(id, retried)) : print(text(id, retried)));
    if (!isFailure(retried)) mended++;
  }
  note(`${mended} of ${chosen.length} mended`);
  if (stop.signal.aborted) return EXIT.interrupted;
  return mended === chosen.length ? EXIT.ok : EXIT.failed;
}

/** Ids of the letters that can be retried, the oldest first: the order in which the work once came. */
async function retriable(letters: DeadLetters): Promise<string[]> {
  const ids: string[] = [];
  let before: string | undefined;
  do {
    const page = await letters.list({ limit: 1_000, ...(before === undefined ? {} : { before }) });
    for (const { id, input, pipeline } of page.letters) if (input && pipeline !== undefined) ids.push(id);
    before = page.next;
  } while (before !== undefined);
  return ids.reverse();
}

function isFailure(retried: Retried): boolean {
  return retried instanceof FacewireError || retried.error !== undefined;
}

function text(id: string, retried: Retried): string {
  if (retried instanceof FacewireError) return `${id}  not retried: error ${retried.code}: ${retried.message}\n`;
  const state = retried.error === undefined ? "mended" : `failed again, ${retried.attempts} tries`;
  return `${id}  ${state}\n${retried.result.items.map(itemText).join("")}`;
}

function jsonText(id: string, retried: Retried): string {
  if (retried instanceof FacewireError) return JSON.stringify({ id, removed: false, error: retried.toPublic() });
  const { result, error, attempts } = retried;
  // The drawn picture is bytes for a file, not for a line of text.
  const items = result.items.map(({ drawn: _drawn, ...item }) => item);
  const removed = error === undefined;
  return JSON.stringify({ id, removed, attempts, ...(removed ? {} : { error }), result: { ...result, items } });
}
