/** The page of the description in a real browser that cannot reach anything but the server. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { BROWSER_PATIENCE, type ShownPage, showPage } from "../../support/browser.ts";
import { DESCRIBED_OPERATIONS } from "../../support/luna/contract.ts";
import { type LunaServer, startLuna } from "../../support/luna/server.ts";

let server: LunaServer;
let shown: ShownPage;
beforeAll(async () => {
  server = await startLuna({ shipped: false });
  shown = await showPage(`${server.url}/swagger`);
  await shown.page.waitForSelector(".opblock", { timeout: BROWSER_PATIENCE });
}, BROWSER_PATIENCE);
afterAll(async () => {
  await shown?.[Symbol.asyncDispose]();
  await server?.stop();
}, BROWSER_PATIENCE);

test("shows every operation", async () => {
  expect(await shown.page.locator(".opblock").count()).toBe(DESCRIBED_OPERATIONS.length);
});

test("asks nobody but the server, and nothing fails", () => {
  const foreign = shown.asked.filter((url) => !url.startsWith(`${server.url}/`) && !/^(data|blob):/.test(url));
  expect(foreign).toEqual([]);
  expect(shown.asked.length).toBeGreaterThan(3);
  expect(shown.complaints).toEqual([]);
});

test(
  "tries operations out: makes an account, and shows its persons with the token it got",
  async () => {
    const { page } = shown;
    const tryOut = async (operation: string) => {
      const block = page.locator(`[id^="operations-"][id$="-${operation}"]`);
      await block.locator(".opblock-summary").click();
      await block.locator(".execute").click();
      const answer = block.locator(".live-responses-table .response").first();
      await answer.waitFor({ timeout: BROWSER_PATIENCE });
      return (await answer.textContent()) ?? "";
    };
    const made = await tryOut("createAccount");
    expect(made).toStartWith("201");
    const token = /"token": "([0-9a-f-]{36})"/.exec(made)?.[1] ?? "";
    await page.locator(".auth-wrapper .authorize").click();
    const form = page.locator(".auth-container", { hasText: "X-Auth-Token" });
    await form.locator("input").fill(token);
    await form.locator("button.authorize").click();
    await page.locator(".auth-btn-wrapper .btn-done").last().click();
    expect(await tryOut("getPersons")).toStartWith("200");
  },
  2 * BROWSER_PATIENCE,
);
