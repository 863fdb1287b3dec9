/**
 * The way of a client of the LUNA API: an account, people enrolled from photographs, then searches, comparisons and handlers,
 * with the events that came of them.
 *
 *     bun walk.ts <folder of people> [http://127.0.0.1:5140]
 *
 * The folder holds a folder for each person, called by the person's name, with photographs of that person alone. Of two
 * and more photographs the last is kept back, to be searched for.
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";

const [folder, base = "http://127.0.0.1:5140"] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: bun walk.ts <folder of people> [address of the server]");
  process.exit(2);
}

interface Face {
  readonly id: string;
  readonly score: number;
}
interface PersonMatch {
  readonly person_id: string;
  readonly user_data: string;
  readonly similarity: number;
}
interface Candidates {
  readonly candidates: readonly PersonMatch[];
}
interface LunaEvent {
  readonly event_type: string;
  readonly source: string;
  readonly result: { readonly candidates?: readonly PersonMatch[] };
}

/** What the server refused, in its own words. */
class Refused extends Error {
  readonly code: number;

  constructor(request: string, status: number, { error_code, detail }: { error_code: number; detail: unknown }) {
    super(`${request}: ${status}, code ${error_code}, ${JSON.stringify(detail)}`);
    this.code = error_code;
  }
}

let token: string | undefined;

/** Calls the API; the answer's JSON. */
async function call<T>(method: string, path: string, body?: BodyInit, type = "application/json"): Promise<T> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { "X-Auth-Token": token }),
      ...(body === undefined ? {} : { "Content-Type": type }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (!response.ok) throw new Refused(`${method} ${path}`, response.status, JSON.parse(text));
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

const post = <T>(path: string, body?: unknown) =>
  call<T>("POST", path, body === undefined ? undefined : JSON.stringify(body));
const send = <T>(path: string, picture: string) =>
  call<T>("POST", path, Bun.file(picture), picture.endsWith(".png") ? "image/png" : "image/jpeg");

/** Somebody to be known, and a photograph that was not enrolled. */
interface Person {
  readonly name: string;
  readonly id: string;
  readonly kept: string | undefined;
}

async function photographs(of: string): Promise<string[]> {
  const names = await readdir(of);
  return names
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .sort()
    .map((name) => join(of, name));
}

/** Stores a photograph; the id of who it is of, or undefined when it shows nobody. */
async function bestFace(name: string, picture: string): Promise<string | undefined> {
  try {
    const { faces } = await send<{ faces: readonly Face[] }>("/4/storage/descriptors", picture);
    // Faces come by falling score.
    return faces[0]?.id;
  } catch (error) {
    // 4003: no face was found.
    if (!(error instanceof Refused && error.code === 4003)) throw error;
    console.log(`${basename(picture)} of ${name} shows no face`);
    return undefined;
  }
}

/** Makes a person of photographs, and puts it on the list. */
async function enrol(name: string, pictures: readonly string[], list: string): Promise<string> {
  const { person_id } = await post<{ person_id: string }>("/4/storage/persons", { user_data: name });
  for (const picture of pictures) {
    const id = await bestFace(name, picture);
    if (id === undefined) continue;
    await call("PATCH", `/4/storage/persons/${person_id}/linked_descriptors?do=attach&descriptor_id=${id}`);
  }
  await call("PATCH", `/4/storage/persons/${person_id}/linked_lists?do=attach&list_id=${list}`);
  return person_id;
}

// An account comes with its first token. The login is used no more.
const login = {
  organization_name: "walk",
  email: `walk-${crypto.randomUUID()}@example.org`,
  password: "a walk in the park",
};
token = (await post<{ token: string }>("/4/accounts", login)).token;
console.log(`account ${login.email}`);

// Whoever subscribes sees what happens from then on. Browsers, which cannot send headers, use /api/subscribe?auth_token=.
const events: LunaEvent[] = [];
// Bun's sockets take headers, which the types of browsers do not know.
const Socket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket;
const socket = new Socket(`${base.replace(/^http/, "ws")}/4/ws`, { headers: { "X-Auth-Token": token } });
socket.addEventListener("message", ({ data }) => void events.push(JSON.parse(String(data))));
await new Promise((opened, failed) => {
  socket.addEventListener("open", opened);
  socket.addEventListener("error", () => failed(new Error("The server did not take the subscription.")));
});

const { list_id: list } = await post<{ list_id: string }>("/4/storage/lists?type=persons", { list_data: "walkers" });
const people: Person[] = [];
const folders = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
for (const name of folders.map((entry) => entry.name).sort()) {
  const pictures = await photographs(join(folder, name));
  if (pictures.length === 0) continue;
  const kept = pictures.length > 1 ? pictures.pop() : undefined;
  const id = await enrol(name, pictures, list);
  people.push({ name, id, kept });
  console.log(`enrolled ${name} with ${pictures.length}`);
}
if (people.length === 0) throw new Error(`${folder} holds no folders with photographs.`);

let known = 0;
let asked = 0;
/** Photographs with one face. */
const searched: string[] = [];
for (const { name, id, kept } of people) {
  if (kept === undefined) continue;
  asked++;
  try {
    const found = await send<Candidates & { face: Face }>(`/4/matching/search?list_id=${list}&limit=1`, kept);
    searched.push(kept);
    const best = found.candidates[0];
    if (best?.user_data === name) known++;
    console.log(`search ${basename(kept)} of ${name}: ${best?.user_data} ${best?.similarity.toFixed(3)}`);
    // The face that was searched for is stored now, and can be matched without its picture.
    const identified = await post<Candidates>(
      `/4/matching/identify?descriptor_id=${found.face.id}&list_id=${list}&limit=2`,
    );
    console.log(
      `  identify: ${identified.candidates.map((each) => `${each.user_data} ${each.similarity.toFixed(3)}`).join(", ")}`,
    );
    const verified = await post<Candidates>(`/4/matching/verify?descriptor_id=${found.face.id}&person_id=${id}`);
    console.log(`  verify as ${name}: ${verified.candidates[0]?.similarity.toFixed(3)}`);
  } catch (error) {
    // 11012: several faces, of which a search cannot choose one. 4003: none.
    const why = error instanceof Refused ? { 11012: "several faces", 4003: "no face" }[error.code] : undefined;
    if (why === undefined) throw error;
    console.log(`search ${basename(kept)} of ${name}: ${why}`);
  }
}
console.log(`known ${known} of ${asked}`);

// Handlers do in one request what took several above, by rules that are kept with the account.
const [first] = searched;
if (first !== undefined) {
  await call("PATCH", "/4/handlers/extractor", JSON.stringify({ list_id: list, estimate_quality: 1 }));
  await call("PATCH", "/4/handlers/identify", JSON.stringify({ list_id: list, identify_threshold: 0.5, limit: 1 }));
  const { candidates } = await send<Candidates>("/4/handlers/identify", first);
  const again = await send<{ person_id: string }>("/4/handlers/extractor?user_data=enrolled%20by%20handler", first);
  const { status } = await send<{ status: boolean }>(`/4/handlers/verify?person_id=${again.person_id}`, first);
  console.log(`handlers: identified ${candidates[0]?.user_data}, verified ${status}`);
}

// Events come within a second of their answers.
const until = Date.now() + 2000;
while (events.filter(({ event_type }) => event_type === "match").length < 3 * searched.length && Date.now() < until)
  await Bun.sleep(20);
for (const source of ["descriptors", "search", "identify", "verify"]) {
  console.log(`events of ${source}: ${events.filter((event) => event.source === source).length}`);
}
socket.close();
