/** The description of this API and its manual, to be read by programs and by people. */
import { join } from "node:path";
import { PROJECT_DIR } from "../../../settings/load.ts";
import { acceptedType } from "../../accept.ts";
import { referenceFiles } from "../../reference-page.ts";
import type { OpenOperation } from "../operation.ts";
import { unacceptable } from "./config.ts";

const TITLE = "Facewire: LUNA Backport 3 API";
const SPEC = "/4/docs/spec";
const YAML = "application/x-yaml";
/** The description as a file, for the page and for those who send no Accept. */
const SPEC_FILE = "/swagger/openapi.yaml";
const FILE = Bun.file(new URL("../openapi.yaml", import.meta.url));
/** Where the manual ends up, besides the address of the description. */
const MANUAL = ["/4/docs/dev", "/docs/dev/index.html"] as const;
/** The manual has no scripts and loads nothing. */
const MANUAL_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** The other pages of the documentation are not served. */
const LINK_TO_FILE = /<a href="(?!https?:)[^"]*">(.*?)<\/a>/gs;
const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}" +
  "table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top}" +
  "pre{overflow:auto;background:#f4f4f4;padding:.6em}code{font-family:ui-monospace,monospace}";

/** See the file's head. */
export function documentOperations(): readonly OpenOperation[] {
  const pages = referenceFiles({ title: TITLE, path: "/swagger", document: SPEC_FILE });
  const [page] = pages;
  return [
    open(SPEC, ({ request }) => {
      const type = acceptedType(request.headers.get("accept"), ["text/html", YAML]);
      if (type === undefined) throw unacceptable();
      return type === YAML ? yaml() : page.respond();
    }),
    ...MANUAL.map((path) => open(path, manual)),
    ...pages.map(({ path, respond }) => open(path, respond)),
    open(SPEC_FILE, yaml),
  ];
}

function open(path: string, handle: OpenOperation["handle"]): OpenOperation {
  return { method: "GET", path, access: "open", handle };
}

function yaml(): Response {
  return new Response(FILE, { headers: { "content-type": YAML } });
}

/** The text that docs/luna.md has. */
async function manual(): Promise<Response> {
  const text = await Bun.file(join(PROJECT_DIR, "docs/luna.md")).text();
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`;
  const body = Bun.markdown.html(text).replace(LINK_TO_FILE, "$1");
  const html = `<!doctype html>\n<html lang="en"><head>${head}<title>${TITLE}</title><style>${STYLE}</style></head><body>\n${body}</body></html>\n`;
  return new Response(html, {
    headers: { "content-type": "text/html", "content-security-policy": MANUAL_POLICY },
  });
}
