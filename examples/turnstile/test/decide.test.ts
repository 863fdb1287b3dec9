/** What the turnstile decides, with scripted models: everything but the networks is real. */
import { expect, test } from "bun:test";
import { failing, scripted, scriptedByMark, testPicture } from "facewire/testing";
import { decide } from "../src/turnstile.ts";
import { ONE_PERSON, startTurnstileServer } from "./server.ts";

const picture = await testPicture({ faces: ONE_PERSON });

test("a live person may pass", async () => {
  await using server = await startTurnstileServer({ models: { "liveness-default": scripted({ live: 0.97 }) } });
  expect(await decide(server.url, picture)).toEqual({ open: true, display: "Please pass." });
});

test("a photograph of a person may not, and the strict calibration counts", async () => {
  // The model's card asks for 0.6 with HARD: the threshold is Facewire's own, only the network is scripted.
  await using server = await startTurnstileServer({ models: { "liveness-default": scripted({ live: 0.55 }) } });
  expect(await decide(server.url, picture)).toEqual({ open: false, display: "Please show your own face." });
});

test("nobody, somebody far away, and two people at once", async () => {
  const two = [{ box: [100, 140, 160, 190] }, { box: [380, 140, 160, 190] }] as const;
  const detector = scriptedByMark({ nobody: [], far: [{ box: [300, 200, 60, 80] }], two });
  await using server = await startTurnstileServer({ models: { "detector-default": detector } });
  const displays: string[] = [];
  for (const mark of ["nobody", "far", "two"]) {
    displays.push((await decide(server.url, await testPicture({ mark }))).display);
  }
  expect(displays).toEqual(["Welcome.", "Please step nearer.", "One at a time, please."]);
});

test("when a model fails it stays closed", async () => {
  await using server = await startTurnstileServer({ models: { "liveness-default": scripted(failing()) } });
  expect((await decide(server.url, picture)).open).toBe(false);
  const [letter] = await server.events.all("dead_letter.created");
  expect(letter?.data.error.code).toBe("stage_failed");
});

test("when the server is gone it stays closed", async () => {
  const server = await startTurnstileServer();
  await server.stop();
  expect((await decide(server.url, picture)).open).toBe(false);
});
