/** `facewire accounts create`: an account for somebody else, also where nobody may make one through the API. */
import { randomBytes } from "node:crypto";
import { Value } from "@sinclair/typebox/value";
import { NewAccount } from "../../api/luna/account-form.ts";
import { Passwords } from "../../api/luna/auth/passwords.ts";
import { FacewireError } from "../../errors.ts";
import { withStore } from "../local-store.ts";
import { note, printLine } from "../output.ts";
import type { GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";

/** Options of the command. */
export interface CreateAccountOptions extends GlobalOptions {
  readonly organization: string;
}

/** What its first token is called. */
const FIRST_TOKEN = "first token";
/** 24 characters of base64url. */
const PASSWORD_BYTES = 18;

/** Makes it with a password nobody had to think of; both are shown once. */
export async function createAccount(email: string, options: CreateAccountOptions): Promise<number> {
  const password = randomBytes(PASSWORD_BYTES).toString("base64url");
  const { organization } = options;
  if (!Value.Check(NewAccount, { email, organization_name: organization, password })) {
    const message = "An account has an e-mail address of at most 64 characters and an organisation of at most 128.";
    throw new FacewireError("usage", message);
  }
  const passwordHash = await new Passwords().hash(password, "");
  const wish = { email, organizationName: organization, passwordHash, tokenData: FIRST_TOKEN };
  const made = await withStore(options, ({ gallery }) => gallery.accounts.create(wish));
  if (!made) throw new FacewireError("usage", `There is an account ${email} already.`);
  note(`Account ${made.account.id} (${email}). Its password and its first token are shown only now: ${password}`);
  // Alone on standard output, so that it can be put into a variable: TOKEN=$(facewire accounts create me@example.org)
  await printLine(made.token);
  return EXIT.ok;
}
