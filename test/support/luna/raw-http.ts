/** HTTP as bytes, for what no well-behaved client sends. */

/** Sends a text over one connection and resolves with all that comes back until the server closes it. */
export async function rawExchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const ended = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_socket, data) => {
        received += data.toString();
      },
      close: () => ended.resolve(received),
      error: (_socket, error) => ended.reject(error),
    },
  });
  socket.write(text);
  socket.flush();
  return ended.promise;
}
