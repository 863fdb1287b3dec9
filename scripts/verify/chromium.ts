/** The browser that the tests of pages drive: Debian's own, fetched when missing and allowed. */

/** Where the browser was found, or that it was not. */
export type ChromiumResult = { readonly found: string } | { readonly missing: string };

const NAMES = ["chromium", "chromium-browser", "google-chrome"] as const;

/** Path of an installed browser. */
export function findChromium(): string | undefined {
  for (const name of NAMES) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return undefined;
}

/** Finds the browser; as root on Debian installs it first. `missing` says what to do. */
export async function ensureChromium(): Promise<ChromiumResult> {
  const found = findChromium();
  if (found !== undefined) return { found };
  if (process.getuid?.() === 0 && Bun.which("apt-get") !== null) {
    console.log("Installing Debian's chromium for the tests of pages");
    // A fresh image has no package lists, or ones older than the archive.
    await run(["apt-get", "update", "-qq"]);
    await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]);
    const installed = findChromium();
    if (installed !== undefined) return { found: installed };
  }
  return { missing: "chromium is missing: run apt-get install chromium as root" };
}

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  await child.exited;
}
