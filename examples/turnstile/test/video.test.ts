/** Short videos of the turnstile's camera. */
import { expect, test } from "bun:test";
import { hasFfmpeg, scriptedByMark, testVideo } from "facewire/testing";
import { decide } from "../src/turnstile.ts";
import { ONE_PERSON, startTurnstileServer } from "./server.ts";

test.if(hasFfmpeg())("somebody who is live first and then a photograph may not pass", async () => {
  const liveness = scriptedByMark({ live: { live: 0.97 }, photo: { live: 0.02 } });
  await using server = await startTurnstileServer({ models: { "liveness-default": liveness } });
  const video = await testVideo({ faces: ONE_PERSON, scenes: [{ mark: "live" }, { mark: "photo" }] });
  expect((await decide(server.url, video)).open).toBe(false);

  const verdicts = (await server.events.all("face.liveness")).map(({ verdict }) => verdict);
  expect(new Set(verdicts)).toEqual(new Set(["live", "spoof"]));
});

test.if(hasFfmpeg())("somebody who is live all the time may", async () => {
  await using server = await startTurnstileServer();
  expect(await decide(server.url, await testVideo({ faces: ONE_PERSON }))).toMatchObject({ open: true });
});
