/** `/swagger`: the page that shows the API, served from an installed package so that it works without internet. */
import { Elysia } from "elysia";

/** Where the page's files are. */
const ASSETS = "/swagger/assets";

const FILES = {
  "swagger-ui.css": "text/css;charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript;charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;

/** Starts the viewer. A file of its own, so that the page needs no inline script. */
const START_SCRIPT = `SwaggerUIBundle({
  url: "/swagger/json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Facewire API</title>
<link rel="icon" type="image/png" href="${ASSETS}/favicon-32x32.png">
<link rel="stylesheet" href="${ASSETS}/swagger-ui.css">
</head>
<body>
<main id="reference"><noscript>The reference needs JavaScript; its data is at /swagger/json.</noscript></main>
<script src="${ASSETS}/swagger-ui-bundle.js"></script>
<script src="${ASSETS}/start.js"></script>
</body>
</html>
`;

/** The viewer styles elements inline and draws icons from data addresses; everything else is the server's own. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The page and its files. */
export function referenceRoutes() {
  const hidden = { detail: { hide: true } };
  const app = new Elysia()
    .get("/swagger", () => text(PAGE, "text/html;charset=utf-8", { "content-security-policy": POLICY }), hidden)
    .get(`${ASSETS}/start.js`, () => text(START_SCRIPT, "text/javascript;charset=utf-8"), hidden);
  for (const [name, type] of Object.entries(FILES)) {
    const file = Bun.file(new URL(import.meta.resolve(`swagger-ui-dist/${name}`)));
    // The files change with the package only, and come from this machine: an hour saves the 1.7 MB on each reload.
    const headers = { "content-type": type, "cache-control": "public, max-age=3600" };
    app.get(`${ASSETS}/${name}`, () => new Response(file, { headers }), hidden);
  }
  return app;
}

function text(body: string, type: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { "content-type": type, ...headers } });
}
