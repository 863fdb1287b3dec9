/**
 * One process of the peer: @vladmandic/human with its wasm backend under node, doing detection, mesh, descriptor, antispoof
 * and liveness on raw RGB pictures that the benchmark has decoded. Speaks with the benchmark over node's IPC channel.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

// tfjs loads models and wasm with fetch, which does not read files under node.
const fetchOverHttp = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  if (!String(url).startsWith("file:")) return fetchOverHttp(url, init);
  return new Response(await readFile(fileURLToPath(String(url))));
};

// By path: the package's exports leave the wasm build out.
const packageRoot = fileURLToPath(new URL("./node_modules/@vladmandic/human", import.meta.url));
const wasmRoot = dirname(require.resolve("@tensorflow/tfjs-backend-wasm"));
const wasm = require("@tensorflow/tfjs-backend-wasm");
// One process a core: threads inside a process would only fight.
wasm.setThreadsCount(1);
const { Human } = require(join(packageRoot, "dist/human.node-wasm.js"));

const human = new Human({
  backend: "wasm",
  wasmPath: `${wasmRoot}/`,
  wasmPlatformFetch: false,
  modelBasePath: pathToFileURL(`${packageRoot}/models/`).href,
  debug: false,
  async: true,
  // Every picture is a new one: nothing may be kept from the one before.
  cacheSensitivity: 0,
  cacheModels: false,
  skipAllowed: false,
  warmup: "none",
  filter: { enabled: false },
  gesture: { enabled: false },
  body: { enabled: false },
  hand: { enabled: false },
  object: { enabled: false },
  segmentation: { enabled: false },
  face: {
    enabled: true,
    detector: { maxDetected: 10, rotation: false, return: false, skipFrames: 0, skipTime: 0 },
    mesh: { enabled: true },
    attention: { enabled: false },
    iris: { enabled: false },
    emotion: { enabled: false },
    description: { enabled: true, skipFrames: 0, skipTime: 0 },
    antispoof: { enabled: true, skipFrames: 0, skipTime: 0 },
    liveness: { enabled: true, skipFrames: 0, skipTime: 0 },
  },
});
await human.load();
await human.tf.setBackend("wasm");
await human.tf.ready();

let pictures = [];

/** Runs every picture once; returns how many faces had everything that is asked for. */
async function pass() {
  let complete = 0;
  for (const { data, width, height } of pictures) {
    const tensor = human.tf.tensor(data, [height, width, 3], "int32");
    const { face } = await human.detect(tensor);
    human.tf.dispose(tensor);
    complete += face.filter(
      (f) => f.mesh.length >= 468 && f.embedding?.length > 0 && f.real >= 0 && f.live >= 0,
    ).length;
  }
  return complete;
}

process.on("message", async (message) => {
  if (message.type === "pictures") {
    pictures = await Promise.all(
      message.files.map(async ({ path, width, height }) => ({
        data: new Uint8Array(await readFile(path)),
        width,
        height,
      })),
    );
    const faces = await pass();
    process.send({ type: "warm", faces, version: human.version, backend: human.tf.getBackend() });
  } else if (message.type === "run") {
    const cpuStart = process.cpuUsage();
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < message.forMs) {
      await pass();
      count += pictures.length;
    }
    const elapsedMs = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuStart);
    process.send({ type: "ran", count, elapsedMs, cpuMs: (user + system) / 1000 });
  }
});
process.once("disconnect", () => process.exit());
process.send({ type: "ready", node: process.version.slice(1) });
