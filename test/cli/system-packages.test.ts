import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureSystemTools, findSystemTool } from "../../src/cli/system-packages.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

/** Stands in for Debian's: an installation succeeds once there are package lists, and puts a program of the package's name there. */
const APT_GET = `#!/bin/sh
here=$(dirname "$0")
echo "$DEBIAN_FRONTEND: $*" >> "$here/calls"
case "$*" in
  *update*) touch "$here/lists"; exit 0 ;;
esac
[ -e "$here/lists" ] || { echo "E: Unable to locate package" >&2; exit 100; }
for word in "$@"; do case "$word" in
  facewire-tool-*) printf '#!/bin/sh\\n' > "$here/$word"; chmod +x "$here/$word" ;;
  facewire-absent) echo "E: Unable to locate package $word" >&2; exit 100 ;;
esac; done
`;

const tool = (name: string) => ({ command: name, package: name, purpose: "tests" });

describe("programs of the system", () => {
  const path = process.env.PATH;
  let folder: string;
  let lines: string[];
  const calls = (): string[] => readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  const tell = (line: string): void => void lines.push(line);

  beforeEach(() => {
    folder = temporaryFolder("facewire-apt-");
    writeFileSync(join(folder, "apt-get"), APT_GET, { mode: 0o755 });
    process.env.PATH = `${folder}:${path}`;
    lines = [];
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  test("all that are missing are installed in one go, after the package lists were fetched, without asking", async () => {
    const tools = [tool("facewire-tool-a"), tool("sh"), tool("facewire-tool-b")];
    expect(await ensureSystemTools(tools, { tell, mayInstall: true })).toEqual([]);
    expect(findSystemTool(tool("facewire-tool-b"))).toBe(join(folder, "facewire-tool-b"));
    expect(calls().map((call) => call.replace(/ -o=\S+/g, ""))).toEqual([
      "noninteractive: -qq install -y --no-install-recommends facewire-tool-a facewire-tool-b",
      "noninteractive: -qq update",
      "noninteractive: -qq install -y --no-install-recommends facewire-tool-a facewire-tool-b",
    ]);
    expect(lines).toEqual(["Installing Debian's facewire-tool-a, facewire-tool-b for tests"]);
  });

  test("nothing is installed where it may not be, and each missing tool says in one line what to do", async () => {
    const missing = await ensureSystemTools([tool("facewire-tool-a"), tool("sh")], { tell, mayInstall: false });
    expect(missing.map(({ message }) => message)).toEqual([
      "facewire-tool-a is missing, which tests need: run apt-get install facewire-tool-a as root",
    ]);
    expect(lines).toEqual([]);
  });

  test("an installation that fails is told with apt's own word, and the tool is missing", async () => {
    const missing = await ensureSystemTools([tool("facewire-absent")], { tell, mayInstall: true });
    expect(missing.map(({ package: name }) => name)).toEqual(["facewire-absent"]);
    expect(lines.at(-1)).toBe("apt-get failed: E: Unable to locate package facewire-absent");
  });

  test("any of several commands will do", () => {
    expect(findSystemTool({ command: ["facewire-absent", "sh"] })).toEndWith("/sh");
  });

  test("one that its package keeps by versions is found without being in the search path, the newest first", () => {
    const root = temporaryFolder("facewire-versions-");
    for (const version of ["9.6", "15", "13"]) {
      mkdirSync(join(root, version, "bin"), { recursive: true });
      writeFileSync(join(root, version, "bin", "facewire-server"), "", { mode: 0o755 });
    }
    const tool = { command: "facewire-server", folders: join(root, "*", "bin") };
    expect(findSystemTool(tool)).toBe(join(root, "15", "bin", "facewire-server"));
    expect(findSystemTool({ ...tool, folders: join(root, "none", "*") })).toBeUndefined();
  });
});
