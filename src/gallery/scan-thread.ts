/** A scan thread: keeps its share of the descriptors and answers for it. Never ended from outside but by message. */
import { parentPort, workerData } from "node:worker_threads";
import { FacewireError } from "../errors.ts";
import { compareAll } from "./compare.ts";
import { bestKernels } from "./kernel-check.ts";
import { Contents } from "./memory/contents.ts";
import { readUuid, UUID_WORDS } from "./memory/uuid.ts";
import type {
  FromScanThread,
  PackedDescriptors,
  ScanAnswers,
  ScanThreadData,
  ThreadState,
  ToScanThread,
} from "./messages.ts";
import { Scanner } from "./scan.ts";
import { ScanMemory } from "./scan-memory.ts";
import { shareOf } from "./shares.ts";

const port = parentPort;
if (!port) throw new Error("This module runs as a worker thread.");
const { versions } = workerData as ScanThreadData;

let contents = empty(0, 1);

function empty(place: number, threads: number): { readonly all: Contents; readonly scanner: Scanner } {
  const memory = new ScanMemory(bestKernels());
  const all = new Contents(memory, versions, (id) => shareOf(id, threads) === place);
  return { all, scanner: new Scanner(all, memory) };
}

function state(): ThreadState {
  return { descriptors: contents.all.descriptors.size, bytes: contents.all.bytes };
}

function take({ model, version, values, floats, ids, persons, accounts, names }: PackedDescriptors): void {
  for (let row = 0; row < accounts.length; row++) {
    const at = row * UUID_WORDS;
    const hasPerson = persons[at] !== 0 || persons[at + 1] !== 0 || persons[at + 2] !== 0 || persons[at + 3] !== 0;
    contents.all.putDescriptor({
      account: names[accounts[row]!]!,
      descriptor: readUuid(ids, at),
      person: hasPerson ? readUuid(persons, at) : null,
      vector: { model, version, values: floats.subarray(row * values, (row + 1) * values) },
    });
  }
}

function answerTo(message: Exclude<ToScanThread, { readonly type: "reset" | "stop" }>): ScanAnswers[keyof ScanAnswers] {
  switch (message.type) {
    case "descriptors":
      for (const part of message.parts) take(part);
      return state();
    case "members":
      for (const member of message.members) contents.all.putMember(member);
      return state();
    case "changes":
      for (const change of message.changes) contents.all.apply(change);
      return state();
    case "search":
      return contents.scanner.search(message.searches);
    case "compare":
      return compareAll(versions, message.probes, message.others);
  }
}

const tell = (message: FromScanThread) => port.postMessage(message);

port.on("message", (message: ToScanThread) => {
  if (message.type === "stop") return port.close();
  if (message.type === "reset") {
    contents = empty(message.place, message.threads);
    return;
  }
  try {
    tell({ type: "answer", id: message.id, answer: answerTo(message) });
  } catch (thrown) {
    const error = FacewireError.from(thrown, "internal", "A search failed.");
    tell({ type: "failed", id: message.id, error: error.toPublic() });
  }
});
tell({ type: "ready" });
