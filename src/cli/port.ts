/** Who listens where the server would. */
import { createConnection } from "node:net";
import { FacewireError } from "../errors.ts";
import type { Settings } from "../settings/schema.ts";

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

/** `host:port` as it stands in addresses and settings, IPv6 in brackets. */
export function addressText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Throws `config_invalid`, with how to choose another, when a port to listen on is taken. */
export async function refuseTakenPort({ listen }: Settings): Promise<void> {
  const { host, port } = listen.native;
  if (port === 0 || !(await isTaken(host, port))) return refuseTakenLuna(listen.luna);
  throw new FacewireError(
    "config_invalid",
    `Port ${port} on ${host} is taken, perhaps by a Facewire that is running already. ` +
      `Choose another with --listen ${addressText(host, port + 1)}, FACEWIRE_LISTEN_NATIVE or listen.native in the settings.`,
  );
}

async function refuseTakenLuna(luna: Settings["listen"]["luna"]): Promise<void> {
  if (luna === "off" || luna.port === 0 || !(await isTaken(luna.host, luna.port))) return;
  throw new FacewireError(
    "config_invalid",
    `Port ${luna.port} on ${luna.host}, where the LUNA API is to listen, is taken. ` +
      `Choose another with FACEWIRE_LISTEN_LUNA=${addressText(luna.host, luna.port + 1)} or listen.luna in the settings, or leave it out with FACEWIRE_LISTEN_LUNA=off.`,
  );
}
