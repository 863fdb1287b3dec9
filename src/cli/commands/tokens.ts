/** `facewire tokens`: who may use the server from beyond this machine. */
import { type Command, Option } from "commander";
import { FacewireError } from "../../errors.ts";
import type { TokenRole } from "../../store/tokens.ts";
import { withStore } from "../local-store.ts";
import { note, printLine } from "../output.ts";
import type { Finish, GlobalOptions } from "../program.ts";
import { EXIT } from "../report.ts";
import { table } from "../table.ts";
import { minuteText } from "../units.ts";

interface CreateOptions extends GlobalOptions {
  readonly role: TokenRole;
  readonly name: string;
}

/** Adds the command. */
export function addTokens(program: Command, finish: Finish): void {
  const tokens = program.command("tokens").description("create, list and revoke access tokens");
  tokens
    .command("create")
    .description("make a token; it is shown once and stored only as a hash")
    .addOption(
      new Option("--role <role>", "read: see what the server knows; run: that, and run pipelines; admin: everything")
        .choices(["run", "read", "admin"])
        .makeOptionMandatory(),
    )
    .option("--name <name>", "what you call it", "")
    .action(async (_options, command: Command) => finish(await create(command.optsWithGlobals())));
  tokens
    .command("list")
    .description("all tokens, without their secrets")
    .action(async (_options, command: Command) => finish(await list(command.optsWithGlobals())));
  tokens
    .command("revoke")
    .description("end a token at once and for good")
    .argument("<id>", "id of the token, see facewire tokens list")
    .action(async (id: string, _options, command: Command) => finish(await revoke(id, command.optsWithGlobals())));
}

/** Names stand in logs and tables: one line, in the order it reads. */
const UNFIT_FOR_NAMES = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const LONGEST_NAME = 100;

async function create(options: CreateOptions): Promise<number> {
  if (UNFIT_FOR_NAMES.test(options.name) || options.name.length > LONGEST_NAME) {
    throw new FacewireError(
      "usage",
      `--name takes one line of at most ${LONGEST_NAME} characters, none of them hidden.`,
    );
  }
  const { secret, id } = await withStore(options, (store) => store.tokens.create(options));
  note(`Token ${id} of role ${options.role}. It is shown only now; send it as Authorization: Bearer <token>`);
  // Alone on standard output, so that it can be put into a variable: TOKEN=$(facewire tokens create --role run)
  await printLine(secret);
  return EXIT.ok;
}

async function list(options: GlobalOptions): Promise<number> {
  const tokens = await withStore(options, (store) => store.tokens.list());
  const rows = tokens.map((token) => [
    token.id,
    token.name,
    token.role,
    token.revokedAt === undefined ? "in force" : `revoked ${minuteText(token.revokedAt)}`,
    minuteText(token.createdAt),
    token.lastUsedAt === undefined ? "never" : minuteText(token.lastUsedAt),
  ]);
  for (const line of table(["id", "name", "role", "state", "created", "last used"], rows)) await printLine(line);
  return EXIT.ok;
}

async function revoke(id: string, options: GlobalOptions): Promise<number> {
  const revoked = await withStore(options, (store) => store.tokens.revoke(id));
  if (!revoked) throw new FacewireError("not_found", `No token in force has the id ${id}; see facewire tokens list.`);
  note(`Token ${id} is revoked.`);
  return EXIT.ok;
}
