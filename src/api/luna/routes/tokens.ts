/** `/4/account/tokens`: keys of an account. Where an id is taken, the token itself will do as well. */
import { Type } from "@sinclair/typebox";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { closed, readJson, text, Uuid } from "../json-body.ts";
import { json, type LunaOperation, noContent } from "../operation.ts";
import { readPage } from "../query.ts";

const TOKENS = "/4/account/tokens";
const TOKEN = `${TOKENS}/:token_id`;
/** Most tokens in one body; far more than one account has. */
const MOST_AT_ONCE = 1000;

const TokenData = closed({ token_data: text({ most: 128 }) });
const SomeTokens = closed({ tokens: Type.Array(Uuid, { maxItems: MOST_AT_ONCE }) });

/** See the file's head. */
export function tokensOperations({ settings, store, revocations }: LunaContext): readonly LunaOperation[] {
  const tokens = store.accountTokens;
  const remove = async (account: string, ids: readonly string[]) => {
    const removed = await tokens.remove(account, ids);
    revocations.tell({ account, tokens: removed });
    return removed;
  };
  return [
    {
      method: "GET",
      path: TOKENS,
      access: "basic",
      async handle({ caller, url }) {
        const { items, count } = await tokens.page(caller.account, readPage(url.searchParams, settings.luna.page_size));
        return json({ tokens: items.map(({ id, data }) => ({ id, token_data: data })), count });
      },
    },
    {
      method: "POST",
      path: TOKENS,
      access: "basic",
      async handle(call) {
        const { token_data } = await readJson(settings, call, TokenData);
        const { secret } = await tokens.create(call.caller.account, token_data);
        return json({ token: secret }, 201);
      },
    },
    {
      method: "DELETE",
      path: TOKENS,
      access: "basic",
      async handle(call) {
        const body = await readJson(settings, call, SomeTokens);
        await remove(
          call.caller.account,
          body.tokens.map((id) => id.toLowerCase()),
        );
        return noContent();
      },
    },
    {
      method: "GET",
      path: TOKEN,
      access: "basic",
      async handle({ caller, params }) {
        const token = await tokens.get(caller.account, params.token_id ?? "");
        if (!token) throw tokenNotFound();
        return json({ token_data: token.data });
      },
    },
    {
      method: "PATCH",
      path: TOKEN,
      access: "basic",
      async handle(call) {
        const { token_data } = await readJson(settings, call, TokenData);
        if (!(await tokens.update(call.caller.account, call.params.token_id ?? "", token_data))) throw tokenNotFound();
        return noContent();
      },
    },
    {
      method: "DELETE",
      path: TOKEN,
      access: "basic",
      async handle({ caller, params }) {
        const removed = await remove(caller.account, [params.token_id ?? ""]);
        if (removed.length === 0) throw tokenNotFound();
        return noContent();
      },
    },
  ];
}

function tokenNotFound(): LunaError {
  return new LunaError(11022, "Token not found");
}
