/** What is still known after days, without waiting for them. */
import { expect, test } from "bun:test";
import { fakeClock, scripted, testPicture } from "facewire/testing";
import { decide, refusals } from "../src/turnstile.ts";
import { ONE_PERSON, startTurnstileServer } from "./server.ts";

test("refusals are forgotten after the days that the settings say", async () => {
  const clock = fakeClock("2030-01-01T08:00:00Z");
  await using server = await startTurnstileServer({
    clock,
    models: { "liveness-default": scripted({ live: 0.02 }) },
    settings: { events: { retention: "3d" } },
  });
  await decide(server.url, await testPicture({ faces: ONE_PERSON }));
  const refused = await server.events.next({ type: "face.liveness" });
  expect(refused.time).toBe("2030-01-01T08:00:00.000Z");

  await clock.advance("2d");
  expect(await refusals(server.url)).toBe(1);
  await clock.advance("25h");
  expect(await refusals(server.url)).toBe(0);
});
