/** Files as the body of a request, read as they are sent: however large they are, memory holds a piece. */
import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import type { FoundInput } from "../run/find-inputs.ts";

/** A body and what goes with it. */
export interface UploadBody {
  readonly body: ReadableStream<Uint8Array>;
  readonly headers: Readonly<Record<string, string>>;
  /** For the query. */
  readonly name?: string;
}

/** One file is the body itself, several are a form. `onSent` is told how many bytes of files went out. */
export function uploadBody(inputs: readonly FoundInput[], onSent: (bytes: number) => void): UploadBody {
  const [only] = inputs;
  if (only && inputs.length === 1) {
    return {
      body: streamOf(content(only, onSent)),
      headers: { "content-type": "application/octet-stream" },
      name: basename(only.name),
    };
  }
  const boundary = `facewire-${randomUUID()}`;
  return {
    body: streamOf(form(inputs, boundary, onSent)),
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
  };
}

async function* form(
  inputs: readonly FoundInput[],
  boundary: string,
  onSent: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const text = new TextEncoder();
  for (const input of inputs) {
    const disposition = `form-data; name="files"; filename="${quoted(basename(input.name))}"`;
    const type = "application/octet-stream";
    yield text.encode(`--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: ${type}\r\n\r\n`);
    yield* content(input, onSent);
    yield text.encode("\r\n");
  }
  yield text.encode(`--${boundary}--\r\n`);
}

async function* content(input: FoundInput, onSent: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of Bun.file(input.path).stream()) {
    yield chunk;
    onSent(chunk.byteLength);
  }
}

/** As browsers write names into forms. */
function quoted(name: string): string {
  return name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}
