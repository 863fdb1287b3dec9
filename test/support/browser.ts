/** A real browser that shows a page of a server under test, and keeps what the page asked for and complained about. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { CHROMIUM } from "../../scripts/verify/tools.ts";
import { findSystemTool } from "../../src/cli/system-packages.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Milliseconds for a browser to start and to draw a page on a busy machine. */
export const BROWSER_PATIENCE = 30_000;

/** A page that is shown. */
export interface ShownPage extends AsyncDisposable {
  readonly page: Page;
  /** Every address it asked for so far. */
  readonly asked: readonly string[];
  /** Errors of its scripts and what the browser refused it. */
  readonly complaints: readonly string[];
}

/** Shows the page of an address. */
export async function showPage(url: string): Promise<ShownPage> {
  const folder = await mkdtemp(join(tmpdir(), "facewire-browser-"));
  const browser = await chromium.launchPersistentContext(folder, {
    executablePath: findSystemTool(CHROMIUM) ?? "chromium",
    headless: true,
    args: FLAGS,
  });
  const page = await browser.newPage();
  const asked: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return {
    page,
    asked,
    complaints,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
