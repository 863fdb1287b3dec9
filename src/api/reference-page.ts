/** The page that shows an API, served from an installed package so that it works without internet. */

/** One file of the page. */
export interface PageFile {
  readonly path: string;
  respond(): Response;
}

/** What is shown, and where. */
export interface ReferencePage {
  readonly title: string;
  /** Address of the page; its files lie below. */
  readonly path: string;
  /** Address of the description. */
  readonly document: string;
}

const FILES = {
  "swagger-ui.css": "text/css;charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript;charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;

/** The viewer styles elements inline and draws icons from data addresses; everything else is the server's own. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The page, which is the first, and its files. */
export function referenceFiles(page: ReferencePage): readonly [PageFile, ...PageFile[]] {
  const assets = `${page.path}/assets`;
  return [
    {
      path: page.path,
      respond: () => text(pageText(page, assets), "text/html;charset=utf-8", { "content-security-policy": POLICY }),
    },
    { path: `${assets}/start.js`, respond: () => text(startScript(page), "text/javascript;charset=utf-8") },
    ...Object.entries(FILES).map(([name, type]) => {
      const file = Bun.file(new URL(import.meta.resolve(`swagger-ui-dist/${name}`)));
      // The files change with the package only, and come from this machine: an hour saves the 1.7 MB on each reload.
      const headers = { "content-type": type, "cache-control": "public, max-age=3600" };
      return { path: `${assets}/${name}`, respond: () => new Response(file, { headers }) };
    }),
  ];
}

/** Starts the viewer. A file of its own, so that the page needs no inline script. */
function startScript({ document }: ReferencePage): string {
  return `SwaggerUIBundle({
  url: ${JSON.stringify(document)},
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;
}

function pageText({ title, document }: ReferencePage, assets: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/png" href="${assets}/favicon-32x32.png">
<link rel="stylesheet" href="${assets}/swagger-ui.css">
</head>
<body>
<main id="reference"><noscript>The reference needs JavaScript; its data is at ${document}.</noscript></main>
<script src="${assets}/swagger-ui-bundle.js"></script>
<script src="${assets}/start.js"></script>
</body>
</html>
`;
}

function text(body: string, type: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { "content-type": type, ...headers } });
}
