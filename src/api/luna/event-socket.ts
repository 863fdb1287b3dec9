/** Lets a subscriber of an account's events speak on a WebSocket. */
import type { Subscriber } from "../../events/subscriber.ts";
import type { Socket, SocketHandler } from "../websocket.ts";
import type { SocketPlace } from "./open-sockets.ts";

/** What a handler is made of. */
export interface LunaSocketParts {
  readonly subscriber: Subscriber;
  readonly place: SocketPlace;
  /** Milliseconds between pings. */
  readonly pingMs: number;
  /** Resolves when subscribers have been given what is stored by now. */
  readonly settled: () => Promise<void>;
}

/** Close code of RFC 6455 for credentials that are no longer valid. */
const POLICY = 1008;

/** The handler of a subscription. What a client sends is not looked at. */
export function lunaSocket({ subscriber, place, pingMs, settled }: LunaSocketParts): SocketHandler {
  return {
    pingMs,
    open(socket: Socket) {
      subscriber.open(socket);
      place.onEnded(() => {
        // Nothing more may be sent, though the client takes its time to say goodbye.
        subscriber.closed();
        socket.close(POLICY, "The credentials are no longer valid.");
      });
    },
    message() {},
    drained: () => subscriber.drained(),
    closed() {
      place.release();
      subscriber.closed();
    },
    async stopping() {
      await settled();
      subscriber.end();
    },
  };
}
