/** `/4/accounts` and `/4/account`: who owns everything else. */
import { Type } from "@sinclair/typebox";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { closed, readJson, text } from "../json-body.ts";
import { json, type LunaOperation } from "../operation.ts";

/** What the first token of an account is called. */
const FIRST_TOKEN = "first token";

/** As browsers check it, and at least one letter on either side; the server sends no mail. */
const Email = Type.String({
  maxLength: 64,
  pattern: "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*$",
  expects: "an e-mail address of at most 64 characters",
});

const NewAccount = closed({
  organization_name: text({ most: 128 }),
  email: Email,
  password: text({ least: 8, most: 32 }),
});

/** See the file's head. */
export function accountsOperations({ settings, store, passwords }: LunaContext): readonly LunaOperation[] {
  return [
    {
      method: "POST",
      path: "/4/accounts",
      access: "open",
      async handle(call) {
        if (!settings.luna.handlers) throw new LunaError(11071, "Luna Handlers service is disabled");
        const { organization_name, email, password } = await readJson(settings, call, NewAccount);
        const passwordHash = await passwords.hash(password, call.exchange.peer ?? "");
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
