/** What the server stands on: the runtime, the installed packages and the machine. */
import { existsSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { join } from "node:path";
import { bytesText, plural } from "../units.ts";
import { type Check, missing, ok, warn } from "./finding.ts";

/** The oldest Bun the project is tested with. */
const LEAST_BUN = "1.4.5";
const INSTALL = "bun install --frozen-lockfile --ignore-scripts";
/** Two workers with all default models take about this much. */
const LEAST_FREE_MEMORY = 1024 ** 3;
/** A native library that hangs while it loads must not hang the doctor; milliseconds. */
const LOAD_TIMEOUT = 30_000;

/** Where the server's own way to its coder is. */
const PICTURE_CODER = join(import.meta.dir, "../../media/jpeg.ts");

/** Checks that need no settings. `root` is the project's folder. */
export function runtimeChecks(root: string): Check[] {
  return [
    {
      name: "bun",
      look: async () =>
        Bun.semver.order(Bun.version, LEAST_BUN) >= 0
          ? ok(Bun.version)
          : missing(`${Bun.version} is older than ${LEAST_BUN}`, `npx -y bun@${LEAST_BUN} … or: bun upgrade`),
    },
    {
      name: "packages",
      look: async () => {
        const { dependencies } = (await Bun.file(join(root, "package.json")).json()) as {
          dependencies: Record<string, string>;
        };
        const names = Object.keys(dependencies);
        const absent = names.filter((name) => !existsSync(join(root, "node_modules", name)));
        return absent.length === 0
          ? ok(`${names.length} installed`)
          : missing(`not installed: ${absent.join(", ")}`, INSTALL);
      },
    },
    nativeCheck(root, "inference runtime", "onnxruntime-node"),
    nativeCheck(root, "picture decoder", "sharp"),
    nativeCheck(root, "picture coder", "@julusian/jpeg-turbo", PICTURE_CODER),
    {
      name: "processor",
      look: async () => ok(plural(availableParallelism(), "core")),
    },
    {
      name: "memory",
      look: async () => {
        const text = `${bytesText(freemem())} of ${bytesText(totalmem())} free`;
        return freemem() >= LEAST_FREE_MEMORY
          ? ok(text)
          : warn(text, "end other programs, or lower inference.workers in the settings");
      },
    },
  ];
}

/**
 * Loads a native package in a process of its own: one that crashes while loading would take the doctor with it. `module`: what
 * loads it, where the server does not leave that to the package.
 */
function nativeCheck(root: string, name: string, packageName: string, module = packageName): Check {
  return {
    name,
    look: async () => {
      const child = Bun.spawn([process.execPath, "-e", `await import(${JSON.stringify(module)})`], {
        cwd: root,
        // See src/inference/no-telemetry.ts.
        env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        timeout: LOAD_TIMEOUT,
      });
      const [stderr] = await Promise.all([new Response(child.stderr).text(), child.exited]);
      if (child.exitCode === 0) return ok(`${packageName} loads`);
      const reason = /^error: (.*)$/m.exec(stderr)?.[1] ?? `ended with ${child.signalCode ?? child.exitCode}`;
      return missing(`${packageName} does not load: ${reason}`, `rm -r node_modules/${packageName} && ${INSTALL}`);
    },
  };
}
