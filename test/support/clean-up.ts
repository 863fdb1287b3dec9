/** Loaded by the test runner before all test files (bunfig.toml), so that it runs after all of them. */
import { afterAll } from "bun:test";
import { doWhatIsLeft } from "./at-end.ts";
import { removeTemporaryFolders } from "./temp-folder.ts";

afterAll(async () => {
  await doWhatIsLeft();
  removeTemporaryFolders();
});
