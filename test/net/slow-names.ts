/** In a network of its own whose name server never answers: what a file costs to read while eight names are asked for. */
import { createSocket } from "node:dgram";
import { readFile, writeFile } from "node:fs/promises";
import { Downloader } from "../../src/net/download.ts";

const [folder = ""] = process.argv.slice(2);
await writeFile(`${folder}/resolv.conf`, "nameserver 127.0.0.1\noptions timeout:4 attempts:2\n");
for (const command of [
  ["ip", "link", "set", "lo", "up"],
  ["mount", "--bind", `${folder}/resolv.conf`, "/etc/resolv.conf"],
]) {
  if (Bun.spawnSync(command, { stderr: "inherit" }).exitCode !== 0) process.exit(2);
}
const silent = createSocket("udp4");
const asked = Promise.withResolvers<void>();
silent.once("message", () => asked.resolve());
await new Promise<void>((resolve) => silent.bind(53, "127.0.0.1", resolve));

const downloader = new Downloader({ allow: [], answerTimeoutMs: 1_000, timeoutMs: 1_000, maxBytes: 1_000 });
const fetching = Array.from({ length: 8 }, (_, at) =>
  downloader.fetch(`http://slow${at}.example.org/`, { accepts: () => true }).catch(({ code }) => code),
);
await asked.promise;
const startedAt = performance.now();
await readFile("/etc/hostname").catch(() => undefined);
await Bun.password.hash("a password", { algorithm: "argon2id", memoryCost: 1_024, timeCost: 1 });
const ms = performance.now() - startedAt;
process.stdout.write(JSON.stringify({ ms, outcomes: await Promise.all(fetching) }));
process.exit(0);
