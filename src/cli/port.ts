import { createConnection } from "node:net";

/** Longest wait for an answer; milliseconds. On one's own machine it comes at once. */
const TIMEOUT = 1000;

/** Whether somebody accepts connections at an address. */
export function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: TIMEOUT });
    const end = (taken: boolean) => {
      socket.destroy();
      resolve(taken);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}
