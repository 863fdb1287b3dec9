/** Speaks to the LUNA dialect as its clients do. Every answer is checked against the description. */
import { checkAnswer } from "./contract.ts";

/** What proves an account. */
export type LunaCredentials = { readonly token: string } | { readonly email: string; readonly password: string };

/** An answer. `T`: what its JSON is taken for. */
export interface LunaAnswer<T = LunaJson> {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where it is not JSON. */
  readonly body: T;
  readonly bytes: Uint8Array;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose form the description has checked already
export type LunaJson = any;

/** Parameters; absent ones are left out. */
export type LunaQuery = Readonly<Record<string, string | number | undefined>>;

/** What goes with a request. */
export interface LunaRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes and text go as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Of a body that is not JSON. */
  readonly type?: string;
  readonly query?: LunaQuery;
  readonly signal?: AbortSignal;
}

/** A new account with both of its ways in. */
export interface LunaAccount {
  readonly email: string;
  readonly password: string;
  readonly organization: string;
  /** Its first token. */
  readonly token: string;
  /** With the login. */
  readonly basic: LunaClient;
  /** With the first token. */
  readonly client: LunaClient;
}

/** See the file's head. */
export class LunaClient {
  /** Address without a path. */
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, credentials?: LunaCredentials) {
    this.url = url;
    this.#headers = credentials === undefined ? {} : credentialHeaders(credentials);
  }

  /** The same server with credentials. */
  as(credentials: LunaCredentials): LunaClient {
    return new LunaClient(this.url, credentials);
  }

  /** Asks, and checks the answer against the description. */
  async call<T = LunaJson>(method: string, path: string, request: LunaRequest = {}): Promise<LunaAnswer<T>> {
    const { body, type, query, headers, signal } = request;
    const plain =
      body === undefined || typeof body === "string" || body instanceof Uint8Array || body instanceof FormData;
    const kind = type ?? (plain ? undefined : "application/json");
    const address = query ? `${path}?${new URLSearchParams(entriesOf(query))}` : path;
    const response = await fetch(this.url + address, {
      method,
      redirect: "manual",
      headers: { ...this.#headers, ...(kind !== undefined && { "content-type": kind }), ...headers },
      ...(body !== undefined && { body: (plain ? body : JSON.stringify(body)) as BodyInit }),
      ...(signal && { signal }),
    });
    const bytes = await response.bytes();
    const text = new TextDecoder().decode(bytes);
    const isJson = text !== "" && (response.headers.get("content-type") ?? "").startsWith("application/json");
    const answer = { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined };
    checkAnswer(method, address, { ...answer, text });
    return { ...answer, bytes };
  }

  get<T = LunaJson>(path: string, query?: LunaRequest["query"]): Promise<LunaAnswer<T>> {
    return this.call("GET", path, query && { query });
  }

  post<T = LunaJson>(path: string, body?: unknown, request: LunaRequest = {}): Promise<LunaAnswer<T>> {
    return this.call("POST", path, { ...request, body });
  }

  patch<T = LunaJson>(path: string, body?: unknown, request: LunaRequest = {}): Promise<LunaAnswer<T>> {
    return this.call("PATCH", path, { ...request, body });
  }

  delete<T = LunaJson>(path: string, body?: unknown, request: LunaRequest = {}): Promise<LunaAnswer<T>> {
    return this.call("DELETE", path, { ...request, body });
  }

  /** Makes an account; fails when the server does not. */
  async newAccount(wish: { readonly email?: string; readonly password?: string } = {}): Promise<LunaAccount> {
    const { email = `${crypto.randomUUID()}@example.org`, password = "correct horse" } = wish;
    const organization = "Example";
    const { status, body } = await this.post("/4/accounts", { organization_name: organization, email, password });
    if (status !== 201) throw new Error(`No account: ${status} ${JSON.stringify(body)}`);
    const { token } = body as { token: string };
    return { email, password, organization, token, basic: this.as({ email, password }), client: this.as({ token }) };
  }

  /** A WebSocket with these credentials. */
  webSocket(path: string): WebSocket {
    const Socket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket;
    return new Socket(this.url.replace(/^http/, "ws") + path, { headers: { ...this.#headers } });
  }
}

/** The headers that carry credentials. */
export function credentialHeaders(credentials: LunaCredentials): Record<string, string> {
  if ("token" in credentials) return { "x-auth-token": credentials.token };
  return { authorization: basicOf(`${credentials.email}:${credentials.password}`) };
}

/** `Basic` of a text, in UTF-8. */
export function basicOf(pair: string): string {
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function entriesOf(query: LunaQuery): [string, string][] {
  return Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
}
