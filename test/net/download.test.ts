/** What is fetched from the addresses that somebody outside names, and what never is. Real servers on loopback. */
import { afterAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { FacewireError } from "../../src/errors.ts";
import { Downloader, type DownloaderParts } from "../../src/net/download.ts";
import { eventually, rejection } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

/** Starts a command where the name server is ours; not every system lets everybody have that. */
const OWN_NETWORK = ["unshare", "--map-root-user", "--mount", "--net"];
const CAN_HAVE_OWN_NETWORK =
  Bun.which("unshare") !== null &&
  Bun.spawnSync([...OWN_NETWORK, "ip", "link", "set", "lo", "up"], { stderr: "ignore" }).exitCode === 0;

const LOOPBACK = ["127.0.0.0/8"];
const PICTURE = new Uint8Array([1, 2, 3, 4]);
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

function downloader(parts: Partial<DownloaderParts> = {}): Downloader {
  return new Downloader({ allow: [], answerTimeoutMs: 2_000, timeoutMs: 4_000, maxBytes: 10_000, ...parts });
}
const accepts = (type: string) => type.startsWith("image/");

/** A server of the test; the answer is its `http://127.0.0.1:<port>`. */
function serve(fetch: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  closing.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

/** A server that answers with bytes as they are. */
async function serveBytes(answer: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const image = () => new Response(PICTURE, { headers: { "content-type": "image/jpeg" } });

describe("A picture", () => {
  test("is fetched from an address that the settings allow", async () => {
    const seen: Headers[] = [];
    const url = serve(({ headers }) => {
      seen.push(headers);
      return image();
    });
    expect(await downloader({ allow: LOOPBACK }).fetch(`${url}/a.jpg`, { accepts })).toEqual({
      type: "image/jpeg",
      bytes: PICTURE,
    });
    expect(seen[0]?.get("accept-encoding")).toBe("identity");
    expect(seen[0]?.get("cookie")).toBeNull();
    expect(seen[0]?.get("referer")).toBeNull();
  });

  test("is fetched by its name, from the address the name was resolved to", async () => {
    const url = serve(({ headers }) =>
      headers.get("host")?.startsWith("pictures.test:") ? image() : new Response(""),
    );
    const named = url.replace("127.0.0.1", "pictures.test");
    const found = await downloader({ allow: LOOPBACK, resolve: async () => ["127.0.0.1"] }).fetch(named, { accepts });
    expect(found.bytes).toEqual(PICTURE);
  });

  test("is not fetched through a proxy that the environment names", async () => {
    let asked = 0;
    const proxy = serve(() => {
      asked++;
      return image();
    });
    const url = serve(image);
    const code = `import { Downloader } from "./src/net/download.ts";
      const it = new Downloader({ allow: ["127.0.0.0/8"], answerTimeoutMs: 2000, timeoutMs: 4000, maxBytes: 1000, resolve: async () => ["127.0.0.1"] });
      const { bytes } = await it.fetch(process.argv[1], { accepts: () => true });
      process.stdout.write(String(bytes.length));`;
    const child = Bun.spawn([process.execPath, "-e", code, url.replace("127.0.0.1", "pictures.test")], {
      cwd: new URL("../..", import.meta.url).pathname,
      env: { ...process.env, HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy },
    });
    expect(await new Response(child.stdout).text()).toBe("4");
    expect(asked).toBe(0);
  });
});

describe("Never connected to", () => {
  const asked: string[] = [];
  const url = serve((request) => {
    asked.push(request.url);
    return image();
  });
  const port = new URL(url).port;

  test.each([
    ["loopback", "127.0.0.1"],
    ["all of loopback", "127.8.9.10"],
    ["this host", "0.0.0.0"],
    ["a private network", "10.1.2.3"],
    ["a private network", "172.16.0.1"],
    ["a private network", "192.168.1.1"],
    ["the metadata of a cloud", "169.254.169.254"],
    ["a shared network", "100.64.0.1"],
    ["a group", "224.0.0.1"],
    ["everybody", "255.255.255.255"],
    ["what is reserved", "240.0.0.1"],
    ["what is for examples", "192.0.2.1"],
    ["loopback in decimal", "2130706433"],
    ["loopback in octal", "0177.0.0.1"],
    ["loopback in hexadecimal", "0x7f.1"],
    ["loopback in short", "127.1"],
    ["loopback by name", "localhost"],
    ["loopback of IPv6", "[::1]"],
    ["nothing of IPv6", "[::]"],
    ["loopback mapped into IPv6", "[::ffff:127.0.0.1]"],
    ["a private address mapped into IPv6", "[::ffff:a00:1]"],
    ["a compatible address", "[::127.0.0.1]"],
    ["a local network of IPv6", "[fd00::1]"],
    ["a link of IPv6", "[fe80::1]"],
    ["a site of IPv6", "[fec0::1]"],
    ["a group of IPv6", "[ff02::1]"],
    ["loopback behind NAT64", "[64:ff9b::7f00:1]"],
    ["loopback behind a local NAT64", "[64:ff9b:1::7f00:1]"],
    ["loopback behind 6to4", "[2002:7f00:1::]"],
    ["loopback behind Teredo", "[2001:0:7f00:1::]"],
    ["what is for examples in IPv6", "[2001:db8::1]"],
  ])("%s: %s", async (_, host) => {
    expect(await rejection(downloader().fetch(`http://${host}:${port}/`, { accepts }))).toMatchObject({
      code: "url_refused",
    });
    expect(asked).toEqual([]);
  });

  test("what a mapped form hides, although its plain form is allowed", async () => {
    const fetching = downloader({ allow: LOOPBACK }).fetch(`http://[::ffff:127.0.0.1]:${port}/`, { accepts });
    expect(await rejection(fetching)).toMatchObject({ code: "url_refused" });
  });

  test.each(["10.0.0.7", "::1", "fe80::1%lo", "not an address", "::ffff:10.0.0.7"])(
    "a name that has %s among public addresses",
    async (address) => {
      const fetching = downloader({ resolve: async () => ["93.184.215.14", address] });
      expect(await rejection(fetching.fetch("http://pictures.test/", { accepts }))).toMatchObject({
        code: "url_refused",
      });
    },
  );

  test("where a name leads when it is asked a second time", async () => {
    let asks = 0;
    // First an allowed address, then one that is not: whoever resolved again for the connection would get there.
    const resolve = async () => (asks++ === 0 ? ["127.0.0.1"] : ["127.0.0.2"]);
    const it = downloader({ allow: ["127.0.0.1/32"], resolve });
    const found = await it.fetch(`http://rebinding.test:${port}/`, { accepts });
    expect(found.bytes).toEqual(PICTURE);
    expect(asks).toBe(1);
    expect(await rejection(it.fetch(`http://rebinding.test:${port}/`, { accepts }))).toMatchObject({
      code: "url_refused",
    });
    expect(asked.splice(0)).toHaveLength(1);
  });

  test.each([
    "ftp://pictures.test/a.jpg",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "gopher://pictures.test/",
    "http://user@pictures.test/",
    "http://user:word@pictures.test/",
    "http://pictures.test:22/",
    "http://pictures.test:0/",
    "http://",
    "/a.jpg",
    "",
    `http://pictures.test/${"a".repeat(2048)}`,
  ])("%s", async (text) => {
    let asks = 0;
    const resolve = async () => [`93.184.215.${asks++}`];
    expect(await rejection(downloader({ resolve }).fetch(text, { accepts }))).toMatchObject({ code: "url_refused" });
    expect(asks).toBe(0);
  });
});

describe("A redirect", () => {
  test("is followed three times", async () => {
    const url = serve((request) => {
      const left = Number(new URL(request.url).pathname.slice(1));
      return left === 0 ? image() : new Response(null, { status: 302, headers: { location: `/${left - 1}` } });
    });
    const it = downloader({ allow: LOOPBACK });
    expect((await it.fetch(`${url}/3`, { accepts })).bytes).toEqual(PICTURE);
    expect(await rejection(it.fetch(`${url}/4`, { accepts }))).toMatchObject({ code: "url_failed" });
  });

  test.each([
    "http://127.0.0.2/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "file:///etc/passwd",
    "http://user@127.0.0.1/",
    "//127.0.0.2/",
  ])("to %s is refused like that address itself", async (location) => {
    const url = serve(() => new Response(null, { status: 301, headers: { location } }));
    const fetching = downloader({ allow: ["127.0.0.1/32"] }).fetch(url, { accepts });
    expect(await rejection(fetching)).toMatchObject({ code: "url_refused" });
  });

  test("without an address is a failure", async () => {
    const url = serve(() => new Response(null, { status: 302 }));
    const fetching = downloader({ allow: LOOPBACK }).fetch(url, { accepts });
    expect(await rejection(fetching)).toMatchObject({ code: "url_failed" });
  });
});

describe("Limits", () => {
  const it = downloader({ allow: LOOPBACK });

  test("more bytes than allowed are refused, declared or not", async () => {
    const declared = serve(() => new Response(new Uint8Array(10_001), { headers: { "content-type": "image/png" } }));
    const endless = serve(() => {
      const body = new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(4_000));
          await Bun.sleep(1);
        },
      });
      return new Response(body, { headers: { "content-type": "image/png" } });
    });
    for (const url of [declared, endless]) {
      expect(await rejection(it.fetch(url, { accepts }))).toMatchObject({
        code: "url_failed",
        message: expect.stringContaining("10000 bytes"),
      });
    }
  });

  test("a server that says nothing, and one that never ends, are left in time", async () => {
    const silent = await serveBytes(() => {});
    const trickling = await serveBytes((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 9000\r\n\r\n");
      const timer = setInterval(() => socket.write("x"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const slowHeaders = await serveBytes((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => socket.write("x-a: b\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const hasty = downloader({ allow: LOOPBACK, answerTimeoutMs: 150, timeoutMs: 300 });
    for (const url of [silent, trickling, slowHeaders]) {
      const startedAt = performance.now();
      expect(await rejection(hasty.fetch(url, { accepts }))).toMatchObject({ code: "url_failed" });
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });

  test("a name that is not resolved in time is a failure", async () => {
    const hasty = downloader({ answerTimeoutMs: 50, resolve: () => new Promise(() => {}) });
    expect(await rejection(hasty.fetch("http://pictures.test/", { accepts }))).toMatchObject({ code: "url_failed" });
  });

  test.skipIf(!CAN_HAVE_OWN_NETWORK)(
    "names that nobody answers for hold up neither files nor passwords",
    async () => {
      const script = new URL("slow-names.ts", import.meta.url).pathname;
      const folder = temporaryFolder("facewire-names-");
      const child = Bun.spawn([...OWN_NETWORK, process.execPath, script, folder], { stderr: "inherit" });
      const { ms, outcomes } = JSON.parse(await new Response(child.stdout).text());
      expect(outcomes).toEqual(Array(8).fill("url_failed"));
      expect(ms).toBeLessThan(1_000);
    },
    60_000,
  );

  test("headers without end are a failure", async () => {
    const url = await serveBytes((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(1_000_000)}\r\n\r\n`);
    });
    expect(await rejection(it.fetch(url, { accepts }))).toMatchObject({ code: "url_failed" });
  });

  test("content of another type is refused before it is read", async () => {
    let read = 0;
    const url = serve(() => new Response("text", { headers: { "content-type": "text/plain; charset=utf-8" } }));
    const wish = {
      accepts,
      onBytes: (bytes: number) => {
        read += bytes;
      },
    };
    expect(await rejection(it.fetch(url, wish))).toMatchObject({ code: "url_wrong_type" });
    expect(read).toBe(0);
  });

  test("compressed content is refused", async () => {
    const headers = { "content-type": "image/png", "content-encoding": "gzip" };
    const url = serve(() => new Response(Bun.gzipSync(new Uint8Array(9_000)), { headers }));
    expect(await rejection(it.fetch(url, { accepts }))).toMatchObject({ code: "url_failed" });
  });

  test.each([401, 404, 500, 206])("an answer of status %d is a failure", async (status) => {
    const url = serve(() => new Response(PICTURE, { status, headers: { "content-type": "image/png" } }));
    expect(await rejection(it.fetch(url, { accepts }))).toMatchObject({ code: "url_failed" });
  });

  test("content that ends too early is a failure", async () => {
    const url = await serveBytes((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nabc");
    });
    expect(await rejection(it.fetch(url, { accepts }))).toMatchObject({ code: "url_failed" });
  });

  test("what is counted by the caller ends the download with its error", async () => {
    const url = serve(image);
    const onBytes = () => {
      throw new FacewireError("overloaded", "No room.");
    };
    expect(await rejection(it.fetch(url, { accepts, onBytes }))).toMatchObject({ code: "overloaded" });
  });

  test("a caller that gives up ends the connection", async () => {
    let gone = false;
    const url = await serveBytes((socket) => {
      socket.on("close", () => {
        gone = true;
      });
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\nx");
    });
    const leaving = new AbortController();
    const fetching = rejection(it.fetch(url, { accepts, signal: leaving.signal, onBytes: () => leaving.abort() }));
    expect(await fetching).toMatchObject({ code: "url_failed" });
    await eventually(() => gone);
  });

  test("nobody who answers is a failure", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: image });
    const { port } = server;
    await server.stop(true);
    expect(await rejection(it.fetch(`http://127.0.0.1:${port}/`, { accepts }))).toMatchObject({ code: "url_failed" });
    const unknown = downloader({ resolve: () => Promise.reject(new Error("ENOTFOUND")) });
    expect(await rejection(unknown.fetch("http://pictures.test/", { accepts }))).toMatchObject({ code: "url_failed" });
  });
});
