/** What is told of each decision. */
import { expect, test } from "bun:test";
import { inTurn, scripted, testPicture } from "facewire/testing";
import { decide, refusals } from "../src/turnstile.ts";
import { ONE_PERSON, startTurnstileServer } from "./server.ts";

const picture = await testPicture({ faces: ONE_PERSON });

test("every face is judged in an event, and refusals are counted", async () => {
  const liveness = scripted(inTurn({ live: 0.97 }, { live: 0.02 }));
  await using server = await startTurnstileServer({ models: { "liveness-default": liveness } });
  await decide(server.url, picture);
  await decide(server.url, picture);

  const refused = await server.events.next({ type: "face.liveness", verdict: "spoof" });
  expect(refused.pipeline).toBe("turnstile");
  expect((await server.events.all("face.liveness")).map(({ verdict }) => verdict)).toEqual(["live", "spoof"]);
  await server.events.none({ type: "item.failed" });
  expect(await refusals(server.url)).toBe(1);
});
