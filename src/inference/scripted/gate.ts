/**
 * Where scripted models wait until a test lets them go on. The two sides may be in different threads: they speak over a
 * BroadcastChannel. A waiter asks; whoever holds the gate answers at once or later.
 */

/** What the two sides say to each other. */
export type GateMessage =
  /** Someone waits; `picture` is the name of what it works on. */
  | { readonly type: "wait"; readonly id: string; readonly picture: string }
  /** One may go on, or all that wait. */
  | { readonly type: "go"; readonly id: string | "all" };

/** Resolves when the gate of this channel lets it through. */
export function waitAtGate(channelName: string, picture: string): Promise<void> {
  const channel = new BroadcastChannel(channelName);
  const id = crypto.randomUUID();
  return new Promise((resolve) => {
    channel.onmessage = (event: MessageEvent<GateMessage>) => {
      if (event.data.type !== "go" || (event.data.id !== id && event.data.id !== "all")) return;
      channel.close();
      resolve();
    };
    channel.postMessage({ type: "wait", id, picture } satisfies GateMessage);
  });
}

/** Lets everybody go on who waits now: for a server that stops while something still waits. */
export function openGate(channelName: string): void {
  const channel = new BroadcastChannel(channelName);
  channel.postMessage({ type: "go", id: "all" } satisfies GateMessage);
  channel.close();
}
