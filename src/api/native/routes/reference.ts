/** `/swagger`: the page that shows the API. */
import { Elysia } from "elysia";
import { referenceFiles } from "../../reference-page.ts";

/** The page and its files. */
export function referenceRoutes() {
  const app = new Elysia();
  const page = { title: "Facewire API", path: "/swagger", document: "/swagger/json" };
  for (const { path, respond } of referenceFiles(page)) app.get(path, respond, { detail: { hide: true } });
  return app;
}
