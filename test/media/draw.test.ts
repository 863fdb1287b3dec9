/** Drawn results: colours where they should be, labels inside the picture, any text safe. */
import { expect, test } from "bun:test";
import { type Annotation, type AnnotationTone, drawAnnotations } from "../../src/media/draw.ts";
import { LabelLayout } from "../../src/media/label-layout.ts";
import { pictureFromRgb } from "../../src/media/raster.ts";
import { decoded } from "./outcome.ts";

const WIDTH = 640;
const HEIGHT = 480;

/** The drawn pixels of annotations over a black picture. */
async function drawn(annotations: readonly Annotation[], maxSide?: number) {
  const picture = pictureFromRgb(new Uint8Array(WIDTH * HEIGHT * 3), WIDTH, HEIGHT);
  const file = await drawAnnotations(picture, annotations, maxSide === undefined ? {} : { maxSide });
  picture.release();
  return decoded(file);
}

/** How many pixels of an area are lit. */
function lit(picture: Awaited<ReturnType<typeof drawn>>, x0: number, y0: number, x1: number, y1: number): number {
  let count = 0;
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (Math.max(...picture.at(x, y)) > 90) count++;
  return count;
}

const BOX = { x: 200, y: 150, width: 160, height: 200 };

test("a box has the colour of its verdict", async () => {
  const leading: Record<AnnotationTone, (color: readonly number[]) => boolean> = {
    live: ([red, green, blue]) => green! > 150 && green! > red! + 60 && green! > blue! + 40,
    spoof: ([red, green, blue]) => red! > 150 && red! > green! + 80 && red! > blue! + 80,
    unknown: ([red, green, blue]) => red! > 150 && green! > 100 && blue! < 100,
    neutral: ([red, green, blue]) => blue! > 150 && blue! > red! + 60 && green! > 60,
    rejected: ([red, green, blue]) => Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!) < 40 && red! > 90,
  };
  for (const [tone, matches] of Object.entries(leading)) {
    const picture = await drawn([{ box: BOX, lines: [], tone: tone as AnnotationTone }]);
    expect(matches(picture.at(200, 250))).toBe(true);
    expect(picture.at(280, 250)).toEqual([0, 0, 0]);
  }
});

test("landmarks are dots where they were found", async () => {
  const landmarks = [
    [250, 220],
    [310, 220],
  ] as const;
  const picture = await drawn([{ box: BOX, landmarks, lines: [], tone: "live" }]);
  for (const [x, y] of landmarks) expect(lit(picture, x - 2, y - 2, x + 3, y + 3)).toBeGreaterThan(0);
  expect(lit(picture, 260, 230, 300, 300)).toBe(0);
});

test("a label stands over its box, with every line of its text", async () => {
  const one = await drawn([{ box: BOX, lines: ["live 0.98"], tone: "live" }]);
  const three = await drawn([{ box: BOX, lines: ["live 0.98", "quality 0.81", "Zoë"], tone: "live" }]);
  expect(lit(one, 200, 110, 360, 147)).toBeGreaterThan(300);
  expect(lit(three, 200, 90, 360, 147)).toBeGreaterThan(lit(one, 200, 90, 360, 147) * 2);
});

test("a label at the rim stays inside the picture whole", async () => {
  const lines = ["unknown 0.51", "second line"];
  const inside = await drawn([{ box: BOX, lines, tone: "unknown" }]);
  const whole = lit(inside, 0, 0, WIDTH, 145) + lit(inside, 0, 355, WIDTH, HEIGHT);
  for (const [x, y] of [
    [-150, -190],
    [630, -100],
    [600, 470],
    [-100, 470],
    [0, 0],
  ] as const) {
    const picture = await drawn([{ box: { ...BOX, x, y }, lines, tone: "unknown" }]);
    expect(lit(picture, 0, 0, WIDTH, HEIGHT)).toBeGreaterThan(whole * 0.9);
  }
});

test("labels of neighbours do not cover each other where there is room", () => {
  const faces = [0, 1, 2].map((index) => ({ x: 100 + 60 * index, y: 200, width: 50, height: 60 }));
  const layout = new LabelLayout(WIDTH, HEIGHT, faces);
  const labels = faces.map((face) => layout.place(face, { width: 120, height: 40 }, 2));
  for (const [index, one] of labels.entries()) {
    for (const other of labels.slice(index + 1)) {
      const apart = one.x + 120 <= other.x || other.x + 120 <= one.x || one.y + 40 <= other.y || other.y + 40 <= one.y;
      expect(apart).toBe(true);
    }
  }
});

test("any text is drawn as letters, never as markup, and cut where it is too long", async () => {
  const hostile = [
    '</path><rect width="640" height="480" fill="#fff"/>',
    "<script>&amp;]]>\u0000\u001b[31m",
    "x".repeat(1_000_000),
    "\ud800 \u202e مرحبا 東京 🙂 नमस्ते",
    "",
  ];
  const picture = await drawn([{ box: BOX, lines: hostile, tone: "neutral" }]);
  expect(picture.at(620, 20)).toEqual([0, 0, 0]);
  expect(picture.at(20, 460)).toEqual([0, 0, 0]);
});

test("numbers that are none do not break the drawing", async () => {
  const box = { x: Number.NaN, y: 0, width: Number.POSITIVE_INFINITY, height: -5 };
  const picture = await drawn([
    { box, landmarks: [[Number.NaN, 3]], lines: ["lost"], tone: "spoof" },
    { box: BOX, lines: ["found"], tone: "live" },
  ]);
  expect(picture.at(200, 250)[1]!).toBeGreaterThan(120);
});

test("the drawn picture is scaled down to the longest side asked for, never up", async () => {
  const annotation = { box: BOX, lines: ["live"], tone: "live" } as const;
  const small = await drawn([annotation], 320);
  expect([small.width, small.height]).toEqual([320, 240]);
  expect(small.at(100, 125)[1]!).toBeGreaterThan(120);
  expect((await drawn([annotation], 5000)).width).toBe(WIDTH);
});
