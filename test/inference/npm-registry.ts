/** A small npm registry on the loopback, so that tests bring packages the way users do. */
import { gzipSync } from "node:zlib";
import ssri from "ssri";
import { pack } from "tar-stream";

/** A package the registry has, and what was asked for. */
export interface TestRegistry extends Disposable {
  /** To be given to the package manager as `NPM_CONFIG_REGISTRY`. */
  readonly url: string;
  /** Integrity of the tarball. */
  readonly integrity: string;
  /** How often the tarball was asked for. */
  readonly downloads: () => number;
}

/** Serves one package of version 1.0.0 with the given files. */
export async function serveRegistry(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<TestRegistry> {
  const tarball = new Uint8Array(await packFiles(files));
  const integrity = ssri.fromData(Buffer.from(tarball)).toString();
  let downloads = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname, origin } = new URL(request.url);
      if (pathname.endsWith(".tgz")) {
        downloads++;
        return new Response(tarball);
      }
      if (decodeURIComponent(pathname.slice(1)) !== name) return new Response("{}", { status: 404 });
      const dist = { tarball: `${origin}/files/${encodeURIComponent(name)}-1.0.0.tgz`, integrity };
      return Response.json({
        name,
        "dist-tags": { latest: "1.0.0" },
        versions: { "1.0.0": { name, version: "1.0.0", dist } },
      });
    },
  });
  return {
    url: server.url.href,
    integrity,
    downloads: () => downloads,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

async function packFiles(files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  const archive = pack();
  for (const [path, bytes] of Object.entries(files)) archive.entry({ name: `package/${path}` }, Buffer.from(bytes));
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return gzipSync(Buffer.concat(chunks));
}
