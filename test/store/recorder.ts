/**
 * A process that records dead letters as fast as it can and says so after each:
 * `bun recorder.ts <folder or PostgreSQL's URL> <name>`. It ends when it is killed, or when the database is.
 */
import { writeSync } from "node:fs";
import { openStore, openStoreOf } from "../../src/store/store.ts";
import { letter } from "./letter.ts";
import { postgresSettings } from "./postgres-store.ts";

const [place = "", name = ""] = process.argv.slice(2);
const store = await (place.startsWith("postgres") ? openStoreOf(postgresSettings(place)) : openStore(place));
for (let i = 0; ; i++) {
  await store.deadLetters.record(letter({ messageId: `${name}${i}` }));
  // Written past any buffer: what is read of it was acknowledged before the kill.
  writeSync(1, `${name}${i}\n`);
}
