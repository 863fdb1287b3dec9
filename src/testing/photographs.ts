/**
 * Photographs of people, for tests with the real models: three to six people each, from a package that a test suite
 * installs when it wants them. They are not part of Facewire.
 */
import { dirname, join } from "node:path";
import { FacewireError } from "../errors.ts";

const PACKAGE = "@vladmandic/face-api";
const VERSION = "1.7.15";

/** Bytes of one of six JPEGs. Throws `config_invalid` when the package is not installed, saying how to install it. */
export function samplePhotograph(number: 1 | 2 | 3 | 4 | 5 | 6): Promise<Uint8Array> {
  const folder = packageFolder();
  if (folder !== undefined) return Bun.file(join(folder, `demo/sample${number}.jpg`)).bytes();
  const message = `The sample photographs need a package: bun add --dev --ignore-scripts ${PACKAGE}@${VERSION}`;
  throw new FacewireError("config_invalid", message);
}

/** Whether {@link samplePhotograph} has its package. */
export function hasSamplePhotographs(): boolean {
  return packageFolder() !== undefined;
}

/** Of the project whose tests run, else of Facewire's own clone. */
function packageFolder(): string | undefined {
  for (const from of [process.cwd(), import.meta.dirname]) {
    try {
      return dirname(Bun.resolveSync(`${PACKAGE}/package.json`, from));
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}
