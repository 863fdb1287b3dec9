/** Files out of a published npm package, brought once and kept in the download cache. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { FacewireError } from "../../errors.ts";
import type { NpmSource } from "./source.ts";

/** The registry has this long to say where a package is. */
const VIEW_TIMEOUT_MS = 60_000;
/** Most bytes of one file out of a package. */
const MAX_ENTRY_BYTES = 512 * 1024 * 1024;

/**
 * Asks the configured registry for the address of a package's tarball. The package manager that came with the runtime
 * asks, so a user's own registry, proxy and certificate settings hold. Throws `model_source_failed`.
 */
export async function tarballUrl(source: Pick<NpmSource, "package" | "version">): Promise<string> {
  const spec = `${source.package}@${source.version}`;
  const child = Bun.spawn([process.execPath, "pm", "view", spec, "dist.tarball", "--json"], {
    // As it is now, not as it was when the process began.
    env: process.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: VIEW_TIMEOUT_MS,
  });
  const [output, problems, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const url = status === 0 ? parseUrl(output) : undefined;
  if (url !== undefined) return url;
  throw new FacewireError("model_source_failed", `The npm registry did not tell where ${spec} is.`, {
    cause: new Error(problems.trim() || output.trim() || `exit status ${status}`),
  });
}

function parseUrl(output: string): string | undefined {
  try {
    const url: unknown = JSON.parse(output);
    return typeof url === "string" && URL.canParse(url) ? url : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads one file out of a tarball on the disk; `path` is inside the package. Nothing is unpacked onto the disk. Throws
 * `model_source_failed` when the package has no such file or is not a readable tarball.
 */
export async function readPackageFile(tarball: string, path: string, spec: string): Promise<Uint8Array> {
  const entries = extract();
  let found: Uint8Array | undefined;
  const search = async () => {
    for await (const entry of entries) {
      // Tarballs begin each name with one folder, `package/` by custom.
      const name = entry.header.name.replace(/^[^/]+\//, "");
      if (entry.header.type !== "file" || name !== path) {
        entry.resume();
        continue;
      }
      if ((entry.header.size ?? 0) > MAX_ENTRY_BYTES) {
        throw new FacewireError("model_source_failed", `${path} in ${spec} is larger than ${MAX_ENTRY_BYTES} bytes.`);
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) chunks.push(chunk as Uint8Array);
      found = Buffer.concat(chunks);
    }
  };
  try {
    await Promise.all([search(), pipeline(createReadStream(tarball), createGunzip(), entries)]);
  } catch (cause) {
    throw FacewireError.from(cause, "model_source_failed", `The tarball of ${spec} could not be read.`);
  }
  if (found) return found;
  throw new FacewireError("model_source_failed", `The package ${spec} has no file ${path}.`);
}
