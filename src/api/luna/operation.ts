/** One operation of the dialect: a method on a path, what it asks of its caller, and what answers it. */
import type { Exchange } from "../exchange.ts";

/** How a request proved whose it is; as events show it. */
export type Authorization = "basic" | { readonly token_id: string; readonly token_data: string };

/** Whose request it is. */
export interface LunaCaller {
  /** Id of the account. */
  readonly account: string;
  readonly authorization: Authorization;
}

/** A request on its way. */
export interface LunaCall {
  readonly request: Request;
  readonly exchange: Exchange;
  readonly url: URL;
  /** Parameters of the path, such as `person_id`; ids are lower-case UUIDs of version 4. */
  readonly params: Readonly<Record<string, string>>;
  /** Epoch milliseconds by which the answer must be there. */
  readonly deadline: number;
  /** Aborted when the client has left or the deadline is over. */
  readonly signal: AbortSignal;
}

/** A request of a known account. */
export interface AccountCall extends LunaCall {
  readonly caller: LunaCaller;
}

interface OperationAddress {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** As in the description, with `:name` for parameters: `/4/storage/persons/:person_id`. */
  readonly path: string;
}

/** An operation for everybody. */
export interface OpenOperation extends OperationAddress {
  readonly access: "open";
  handle(call: LunaCall): Promise<Response> | Response;
}

/** An operation for accounts. `basic`: tokens are not taken. `query`: credentials may also stand in the query. */
export interface AccountOperation extends OperationAddress {
  readonly access: "account" | "basic" | "query";
  /** Is asked before credentials are, such as whether the feature is on; throws what is answered. */
  admit?(): void;
  handle(call: AccountCall): Promise<Response> | Response;
}

export type LunaOperation = OpenOperation | AccountOperation;

/** An answer of JSON. Its type stands without a charset, as the description has it. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}

/** 204 without a body. */
export function noContent(): Response {
  return new Response(null, { status: 204 });
}
