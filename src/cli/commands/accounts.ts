/** `facewire accounts`: who uses the LUNA API, and who may no longer. */
import type { Command } from "commander";
import { FacewireError } from "../../errors.ts";
import type { GalleryStore } from "../../store/gallery/gallery-store.ts";
import type { Account } from "../../store/gallery/records.ts";
import { withStore } from "../local-store.ts";
import { note, printLine } from "../output.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { table } from "../table.ts";
import { minuteText } from "../units.ts";

/** What is done to one account; false when it is gone meanwhile. */
type Deed = (accounts: GalleryStore["accounts"], account: Account) => Promise<boolean>;

/** Adds the command. */
export function addAccounts(program: Command, finish: Finish): void {
  const accounts = program
    .command("accounts")
    .description("make, list, suspend, resume and remove accounts of the LUNA API");
  accounts
    .command("list")
    .description("all accounts, oldest first")
    .action(async (_options, command: Command) => finish(await list(command.optsWithGlobals())));
  accounts
    .command("create")
    .description("make an account with a new password and a first token; both are shown once")
    .argument("<email>", "its login")
    .option("--organization <name>", "whose it is", "")
    .action(async (email: string, _options, command: Command) => {
      const { createAccount } = await import("../accounts/create.ts");
      finish(await createAccount(email, command.optsWithGlobals()));
    });
  const deed = (name: string, description: string, done: string, act: Deed) =>
    accounts
      .command(name)
      .description(description)
      .argument("<account>", "its e-mail address or id, see facewire accounts list")
      .action(async (named: string, _options, command: Command) =>
        finish(await change(named, command.optsWithGlobals(), done, act)),
      );
  deed(
    "suspend",
    "refuse its login and its tokens until it is resumed; nothing is deleted",
    "is suspended",
    (all, { id }) => all.setSuspended(id, true),
  );
  deed("resume", "let a suspended account in again", "is in force", (all, { id }) => all.setSuspended(id, false));
  deed(
    "remove",
    "delete an account for good, with all its tokens, descriptors, pictures, persons and lists",
    "is deleted",
    (all, { id }) => all.remove(id),
  );
}

async function list(options: GlobalOptions): Promise<number> {
  const accounts = await withStore(options, (store) => store.gallery.accounts.list());
  const rows = accounts.map((account) => [
    account.id,
    shown(account.email),
    shown(account.organizationName),
    account.suspended ? "suspended" : "in force",
    minuteText(account.createdAt),
  ]);
  for (const line of table(["id", "e-mail", "organisation", "state", "created"], rows)) await printLine(line);
  return EXIT.ok;
}

async function change(named: string, options: GlobalOptions, done: string, act: Deed): Promise<number> {
  const account = await withStore(options, async ({ gallery: { accounts } }) => {
    const found = named.includes("@") ? await accounts.byEmail(named) : await accounts.get(named.toLowerCase());
    if (!found || !(await act(accounts, found))) {
      throw new FacewireError("not_found", `There is no account ${named}; see facewire accounts list.`);
    }
    return found;
  });
  note(`Account ${account.id} (${shown(account.email)}) ${done}.`);
  return EXIT.ok;
}

/** Anybody may have written it: nothing in it may move the cursor or turn the line round. */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}
