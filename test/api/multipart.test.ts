import { describe, expect, test } from "bun:test";
import { BodyBudget } from "../../src/api/body.ts";
import { type FormLimits, readForm } from "../../src/api/multipart.ts";
import { rejection } from "../support/settle.ts";

const BOUNDARY = "cut-here";

function limits(parts: Partial<FormLimits> = {}): FormLimits {
  return { maxBytes: 1e6, timeoutMs: 2000, maxFiles: 5, share: new BodyBudget(1e7).share(), ...parts };
}

/** A part of a form with the given head lines. */
function part(head: string, body: string): string {
  return `--${BOUNDARY}\r\n${head}\r\n\r\n${body}\r\n`;
}

function file(name: string, body: string): string {
  return part(`Content-Disposition: form-data; name="pictures"; filename="${name}"`, body);
}

const END = `--${BOUNDARY}--\r\n`;

/** A request whose body comes in pieces of `step` bytes. */
function form(body: string, step = body.length, contentType = `multipart/form-data; boundary=${BOUNDARY}`): Request {
  const bytes = Buffer.from(body);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += step)
        controller.enqueue(Uint8Array.from(bytes.subarray(at, at + step)));
      controller.close();
    },
  });
  return new Request("http://localhost/", { method: "POST", body: stream, headers: { "content-type": contentType } });
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("Files of a form", () => {
  for (const step of [1, 7, 1000]) {
    test(`come out whole and in order when the body arrives in pieces of ${step} bytes`, async () => {
      const body = file("a.jpg", "first\r\n--not-the-cut") + file("b.png", "") + file("c", "third") + END;
      const { files } = await readForm(form(body, step), limits());
      expect(files.map(({ name, bytes }) => [name, text(bytes)])).toEqual([
        ["a.jpg", "first\r\n--not-the-cut"],
        ["b.png", ""],
        ["c", "third"],
      ]);
    });
  }

  test("share their memory with nothing else", async () => {
    const { files } = await readForm(form(file("a", "one") + file("b", "two") + END), limits());
    for (const { bytes } of files) expect(bytes.byteLength).toBe(bytes.buffer.byteLength);
  });

  test("are known by their name without folders", async () => {
    const { files } = await readForm(form(file("../../etc/Zoë.jpg", "x") + END), limits());
    expect(files[0]?.name).toBe("Zoë.jpg");
  });

  test("need no file name when they are declared as something other than text", async () => {
    const body = part('Content-Disposition: form-data; name="front"\r\nContent-Type: image/jpeg', "x") + END;
    const { files, fields } = await readForm(form(body), limits());
    expect(files.map(({ name }) => name)).toEqual(["front"]);
    expect(fields).toHaveLength(0);
  });

  test("are told apart from text fields", async () => {
    const body = part('Content-Disposition: form-data; name="explain"', "1") + file("a", "x") + END;
    const { files, fields } = await readForm(form(body), limits());
    expect(fields).toEqual([{ field: "explain", value: "1" }]);
    expect(files).toHaveLength(1);
  });
});

describe("A form is refused", () => {
  test("with request_too_many_files as soon as one too many begins, without reading on", async () => {
    let pulled = 0;
    const piece = Buffer.from(Array.from({ length: 100 }, (_, at) => file(`${at}.jpg`, "x")).join(""));
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(Uint8Array.from(piece));
      },
    });
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const request = new Request("http://localhost/", { method: "POST", body: endless, headers });
    const error = await rejection(readForm(request, limits({ maxFiles: 5 })));
    expect(error).toMatchObject({ code: "request_too_many_files", details: { max_files: 5 } });
    expect(pulled).toBeLessThan(4);
  });

  test("with request_invalid when it ends in the middle of a file", async () => {
    const error = await rejection(readForm(form(file("a", "x").slice(0, -3)), limits()));
    expect(error.code).toBe("request_invalid");
  });

  test("with request_invalid when it ends in the middle of a part's head", async () => {
    const error = await rejection(readForm(form(`--${BOUNDARY}\r\nContent-Dispo`), limits()));
    expect(error.code).toBe("request_invalid");
  });

  test("with request_invalid when its type names no boundary", async () => {
    const error = await rejection(readForm(form(file("a", "x") + END, 100, "multipart/form-data"), limits()));
    expect(error.code).toBe("request_invalid");
  });

  test("with request_invalid when a text field is too long", async () => {
    const body = part('Content-Disposition: form-data; name="note"', "x".repeat(100_000)) + END;
    const error = await rejection(readForm(form(body), limits()));
    expect(error).toMatchObject({ code: "request_invalid", message: expect.stringContaining('"note"') });
  });

  test("with request_invalid when it has too many text fields", async () => {
    const field = part('Content-Disposition: form-data; name="a"', "1");
    const error = await rejection(readForm(form(field.repeat(100) + END), limits()));
    expect(error.code).toBe("request_invalid");
  });

  test("with request_too_large when its files together are over the limit", async () => {
    const body = file("a", "x".repeat(600)) + file("b", "x".repeat(600)) + END;
    const error = await rejection(readForm(form(body, 100), limits({ maxBytes: 1000 })));
    expect(error.code).toBe("request_too_large");
  });
});

test("a form without any part has no files", async () => {
  const { files } = await readForm(form(END), limits());
  expect(files).toHaveLength(0);
});
