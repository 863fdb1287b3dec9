/** `facewire dead-letters discard`. */
import { DeadLetterDesk } from "../../dead-letters/desk.ts";
import { FacewireError } from "../../errors.ts";
import { withStore } from "../local-store.ts";
import { note } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { plural } from "../units.ts";

interface DiscardOptions extends GlobalOptions {
  readonly request?: string;
  readonly all?: boolean;
}

/** Deletes the letters named, or those of a request, or all. */
export async function discardLetters(ids: readonly string[], options: DiscardOptions): Promise<number> {
  const { request, all } = options;
  const ways = [ids.length > 0, request !== undefined, all === true].filter(Boolean).length;
  if (ways !== 1) throw new FacewireError("usage", "Name the letters by their ids, or use --request <id> or --all.");
  const discarded = await withStore(options, async (store) => {
    const desk = new DeadLetterDesk(store.deadLetters);
    if (ids.length === 0) return desk.discardMany(request === undefined ? {} : { requestId: request });
    for (const id of ids) await desk.discard(id);
    return ids.length;
  });
  note(`${plural(discarded, "letter")} discarded`);
  return EXIT.ok;
}
