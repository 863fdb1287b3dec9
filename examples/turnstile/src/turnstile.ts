/** A turnstile that asks Facewire who may pass. It knows the server's address and nothing of its inside. */

/** What the turnstile does, and what its display says. */
export interface Decision {
  readonly open: boolean;
  readonly display: string;
}

/** The part of Facewire's answer that the turnstile looks at. */
interface Answer {
  readonly items?: readonly {
    readonly status: "ok" | "no_face" | "rejected" | "failed";
    readonly faces: readonly { readonly rejected?: unknown; readonly liveness?: { readonly prediction: string } }[];
  }[];
  readonly aggregate?: { readonly liveness?: { readonly value: { readonly prediction: string } } | null };
}

/** Decides by a picture, or a short video, of its camera. Whatever goes wrong, it stays closed. */
export async function decide(server: string, picture: Uint8Array): Promise<Decision> {
  const answer = await ask(server, picture);
  if (answer?.items === undefined || answer.items.some(({ status }) => status === "failed")) {
    return closed("Please wait for a member of staff.");
  }
  const people = Math.max(0, ...answer.items.map(({ faces }) => faces.filter((face) => !face.rejected).length));
  if (people === 0)
    return closed(answer.items.some(({ faces }) => faces.length > 0) ? "Please step nearer." : "Welcome.");
  if (people > 1) return closed("One at a time, please.");
  const live = answer.aggregate?.liveness?.value.prediction === "live";
  return live ? { open: true, display: "Please pass." } : closed("Please show your own face.");
}

async function ask(server: string, picture: Uint8Array): Promise<Answer | undefined> {
  try {
    const response = await fetch(`${server}/v1/pipelines/turnstile/run`, { method: "POST", body: picture as BodyInit });
    return (await response.json()) as Answer;
  } catch {
    return undefined;
  }
}

function closed(display: string): Decision {
  return { open: false, display };
}

/** How often somebody was turned away as not live, by Facewire's memory of what happened. */
export async function refusals(server: string): Promise<number> {
  const response = await fetch(`${server}/v1/events?type=face.liveness&verdict=spoof&limit=1000`);
  const { events } = (await response.json()) as { readonly events: readonly unknown[] };
  return events.length;
}
