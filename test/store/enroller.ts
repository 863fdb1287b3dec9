/**
 * A process that enrols people as fast as it can and says so after each: `bun enroller.ts <folder> <account> <list>`. It
 * ends when it is killed.
 */
import { writeSync } from "node:fs";
import { openStore } from "../../src/store/store.ts";
import { descriptor, person } from "./gallery-suite.ts";

const [dir = "", account = "", list = ""] = process.argv.slice(2);
const { gallery } = await openStore(dir);
for (;;) {
  const [first, second, who] = [descriptor(), descriptor(), person()];
  await gallery.descriptors.create(account, [first], { person: who, list });
  await gallery.descriptors.create(account, [second]);
  await gallery.links.attach(account, who.id, second.id);
  // Written past any buffer: what is read of it was acknowledged before the kill.
  writeSync(1, `${who.id} ${first.id} ${second.id}\n`);
}
