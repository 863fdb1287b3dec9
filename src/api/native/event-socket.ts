/** Lets a subscriber of events speak on a WebSocket. */
import type { SubscriptionMessage } from "../../events/messages.ts";
import type { Subscriber } from "../../events/subscriber.ts";
import type { Socket, SocketHandler } from "../websocket.ts";

/** Close code of RFC 6455 for what is not taken here. */
const POLICY = 1008;
/** Messages of a client that are answered; one that goes on is a mistake in a loop. */
const MOST_MESSAGES = 10;

const NOT_READ: SubscriptionMessage = {
  type: "subscription.error",
  error: { code: "request_invalid", message: "Messages of clients are not read: filters stand in the address." },
};

/** The handler of a subscription. `settled` resolves when subscribers have been given what is stored by now. */
export function eventSocket(subscriber: Subscriber, pingMs: number, settled: () => Promise<void>): SocketHandler {
  let socket: Socket | undefined;
  let messages = 0;
  return {
    pingMs,
    open(opened) {
      socket = opened;
      subscriber.open(opened);
    },
    message() {
      messages++;
      if (messages <= MOST_MESSAGES) socket?.send(JSON.stringify(NOT_READ));
      else socket?.close(POLICY, "Messages of clients are not read.");
    },
    drained: () => subscriber.drained(),
    closed: () => subscriber.closed(),
    async stopping() {
      await settled();
      subscriber.end();
    },
  };
}
