/** Prints every event of an account, one a line, until it is ended: `bun listen.ts <address of the server> <token>`. */
const [base, token] = process.argv.slice(2);
if (base === undefined || token === undefined) {
  console.error("usage: bun listen.ts <address of the server> <token>");
  process.exit(2);
}
// Bun's sockets take headers, which the types of browsers do not know.
const Socket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket;
const socket = new Socket(`${base.replace(/^http/, "ws")}/4/ws`, { headers: { "X-Auth-Token": token } });
socket.addEventListener("open", () => console.log(JSON.stringify({ listening: true })));
socket.addEventListener("message", ({ data }) => console.log(String(data)));
socket.addEventListener("close", () => process.exit(0));
