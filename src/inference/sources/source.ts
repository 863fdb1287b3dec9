/** Where a card's file comes from: the address as the card writes it, taken apart. */
import { dirname, resolve } from "node:path";

/** A file inside a published npm package of one version. */
export interface NpmSource {
  readonly kind: "npm";
  /** With its scope, such as `@scope/name`. */
  readonly package: string;
  readonly version: string;
  /** Inside the package. */
  readonly path: string;
}

/** A file on this machine. */
export interface FileSource {
  readonly kind: "file";
  /** Absolute. */
  readonly path: string;
}

/** A file on a web server. */
export interface HttpsSource {
  readonly kind: "https";
  readonly url: string;
}

export type ModelSource = NpmSource | FileSource | HttpsSource;

/** Versions must be exact: a range would bring other weights one day. */
const NPM = /^npm:((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)@(\d+\.\d+\.\d+[\w.+-]*)\/(.+)$/;

/** Takes a card's `source` apart; undefined when it has none of the three forms. `file:` is relative to the card. */
export function parseSource(source: string, cardFile: string): ModelSource | undefined {
  const npm = NPM.exec(source);
  if (npm) return { kind: "npm", package: npm[1]!, version: npm[2]!, path: npm[3]! };
  if (source.startsWith("file:") && source.length > "file:".length) {
    return { kind: "file", path: resolve(dirname(cardFile), source.slice("file:".length)) };
  }
  return source.startsWith("https://") && URL.canParse(source) ? { kind: "https", url: source } : undefined;
}
