/** The walks of examples/luna, against a real server with the real models. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT } from "../support/cli.ts";
import { MODELS_CACHE } from "../support/engine.ts";
import { noFace, oneFace, otherFace, part, sameFace, twoFaces } from "../support/luna/faces.ts";
import { type LunaServer, startLuna } from "../support/luna/server.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const WALKS = join(PROJECT_ROOT, "examples/luna");
const people = temporaryFolder("facewire-people-");
const scratch = temporaryFolder("facewire-walk-");
let server: LunaServer;

beforeAll(async () => {
  const other = part({ left: 930, top: 60, width: 480, height: 560 }).modulate({ brightness: 1.1 }).resize(300);
  await photographs("First Person", { "1.jpg": await oneFace(), "2.jpg": await sameFace() });
  const kept = new Uint8Array(await other.png().toBuffer());
  await photographs("Second", { "a.jpg": await otherFace(), "b.png": kept });
  // A folder without photographs is passed over.
  await mkdir(join(people, "Empty"));
  server = await startLuna({ shipped: ["luna-extract", "luna-warp"], settings: { models_cache: MODELS_CACHE } });
});
afterAll(() => server.stop());

async function photographs(person: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) await Bun.write(join(people, person, name), bytes);
}

/** Runs a command to its end. */
async function run(...command: string[]): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const env = { ...process.env, BUN: process.execPath, TMPDIR: scratch };
  const child = Bun.spawn(command, { env, stdout: "pipe", stderr: "pipe" });
  const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, lines: (await texts).join("").trim().split("\n") };
}

describe.each([
  ["walk.ts", [process.execPath, join(WALKS, "walk.ts")]],
  ["walk.sh", ["sh", join(WALKS, "walk.sh")]],
] as const)("%s", (_, command) => {
  test("knows everybody again and sees the events", async () => {
    const { code, lines } = await run(...command, people, server.url);
    const plain = lines.map((line) => line.replace(/^account .*/, "account").replace(/ [0-9.]+$/, " N"));
    expect(plain).toEqual([
      "account",
      "enrolled First Person with N",
      "enrolled Second with N",
      "search 2.jpg of First Person: First Person N",
      expect.stringMatching(/^ {2}identify: First Person\b/),
      "  verify as First Person: N",
      "search b.png of Second: Second N",
      expect.stringMatching(/^ {2}identify: Second\b/),
      "  verify as Second: N",
      "known 2 of N",
      "handlers: identified First Person, verified true",
      "events of descriptors: N",
      "events of search: N",
      "events of identify: N",
      "events of verify: N",
    ]);
    expect(lines.slice(-4).map((line) => line.split(": ")[1])).toEqual(["2", "2", "2", "2"]);
    expect(code).toBe(0);
  }, 60_000);

  test("ends with what the server said when it refuses", async () => {
    await using off = await startLuna({ shipped: false, settings: { luna: { handlers: false } } });
    const { code, lines } = await run(...command, people, off.url);
    expect(code).not.toBe(0);
    expect(lines.join("\n")).toContain("11071");
  }, 60_000);

  test("tells how it is used when no folder is named", async () => {
    const { code, lines } = await run(...command);
    expect(code).not.toBe(0);
    expect(lines.join("\n")).toContain("<folder of people>");
  });
});

describe("pictures that are not of one person", () => {
  test.each(["walk.ts", "walk.sh"])(
    "%s goes on where a photograph shows several or nobody",
    async (walk) => {
      const folder = join(scratch, `mixed-${walk}`);
      await Bun.write(join(folder, "Some/1.jpg"), await oneFace());
      await Bun.write(join(folder, "Some/2.jpg"), await noFace());
      await Bun.write(join(folder, "Some/3.jpg"), await twoFaces());
      const command = walk.endsWith(".ts") ? [process.execPath] : ["sh"];
      const { code, lines } = await run(...command, join(WALKS, walk), folder, server.url);
      expect(lines).toContain("2.jpg of Some shows no face");
      expect(lines).toContain("search 3.jpg of Some: several faces");
      expect(lines).toContain("known 0 of 1");
      expect(code).toBe(0);
    },
    60_000,
  );
});
