/**
 * A process that records dead letters as fast as it can and says so after each: `bun recorder.ts <folder> <name>`. It
 * ends when it is killed.
 */
import { writeSync } from "node:fs";
import { openStore } from "../../src/store/store.ts";
import { letter } from "./letter.ts";

const [dir = "", name = ""] = process.argv.slice(2);
const store = await openStore(dir);
for (let i = 0; ; i++) {
  await store.deadLetters.record(letter({ messageId: `${name}${i}` }));
  // Written past any buffer: what is read of it was acknowledged before the kill.
  writeSync(1, `${name}${i}\n`);
}
