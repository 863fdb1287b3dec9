/** Pictures for tests, made on the spot. */
import type { Sharp } from "sharp";
import { sceneSize, sceneSvg, type TestScene } from "./drawn-scene.ts";

/** What a test picture shows, and the file it becomes. */
export interface TestPictureOptions extends TestScene {
  /** `png` when absent. */
  readonly format?: "png" | "jpeg" | "webp" | "gif" | "tiff";
}

/** Bytes of a picture, the same for the same options. Without options: 640 x 480, PNG, nobody on it. */
export async function testPicture({ format = "png", ...scene }: TestPictureOptions = {}): Promise<Uint8Array> {
  return new Uint8Array(await (await drawn(scene)).toFormat(format).toBuffer());
}

/** The scene as packed RGB, 8 bit, row by row. */
export async function scenePixels(scene: TestScene): Promise<Uint8Array> {
  return new Uint8Array(await (await drawn(scene)).raw().toBuffer());
}

async function drawn(scene: TestScene): Promise<Sharp> {
  // Both take longer to load than the rest of the kit, and not every test draws.
  const [{ default: sharp }, { textPath }] = await Promise.all([import("sharp"), import("../media/glyphs.ts")]);
  const { width, height } = sceneSize(scene);
  return sharp(Buffer.from(sceneSvg(scene, textPath)))
    .resize(width, height, { fit: "fill" })
    .flatten({ background: "#000" })
    .toColourspace("srgb");
}
