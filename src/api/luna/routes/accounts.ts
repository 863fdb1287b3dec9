/** `/4/accounts` and `/4/account`: who owns everything else. */
import { NewAccount } from "../account-form.ts";
import { senderOf } from "../auth/sender.ts";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { admitHandlers } from "../handlers.ts";
import { readJson } from "../json-body.ts";
import { json, type LunaOperation } from "../operation.ts";

/** What the first token of an account is called. */
const FIRST_TOKEN = "first token";

/** See the file's head. */
export function accountsOperations({ settings, store, passwords }: LunaContext): readonly LunaOperation[] {
  return [
    {
      method: "POST",
      path: "/4/accounts",
      access: "open",
      async handle(call) {
        admitHandlers({ settings });
        if (!settings.luna.registration) throw new LunaError(12033, "Access to this resource on the server is denied");
        const { organization_name, email, password } = await readJson(settings, call, NewAccount);
        const passwordHash = await passwords.hash(password, senderOf(call.exchange.peer));
        const made = await store.accounts.create({
          organizationName: organization_name,
          email,
          passwordHash,
          tokenData: FIRST_TOKEN,
        });
        if (!made) throw new LunaError(11011, "An account with given email already exists");
        return json({ token: made.token }, 201);
      },
    },
    {
      method: "GET",
      path: "/4/account",
      access: "basic",
      async handle({ caller }) {
        const account = await store.accounts.get(caller.account);
        // It was there a moment ago.
        if (!account) throw new LunaError(11002, "Account corresponding login/password not found");
        const { organizationName, email, suspended } = account;
        return json({ organization_name: organizationName, email, suspended });
      },
    },
  ];
}
