import { expect, test } from "bun:test";
import { hasEndedHere, processName } from "../../src/store/process-name.ts";

test("a process is known to have ended once it has, and one that cannot be looked at never is", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  const [place = "", , unique = ""] = processName().split("/");
  const name = `${place}/${child.pid}/${unique}`;
  expect(hasEndedHere(name)).toBe(false);
  expect(hasEndedHere(processName())).toBe(false);
  child.kill();
  await child.exited;
  expect(hasEndedHere(name)).toBe(true);
  expect(hasEndedHere(`other-machine/${child.pid}/${unique}`)).toBe(false);
});
