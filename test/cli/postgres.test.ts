/** The commands on a PostgreSQL that the settings name. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { facewire } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { hasPostgres, type PostgresDatabase, postgresDatabase } from "../support/postgres.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

describe.skipIf(!hasPostgres())("With PostgreSQL", () => {
  let database: PostgresDatabase;
  let env: Record<string, string>;
  beforeEach(async () => {
    database = await postgresDatabase();
    env = { FACEWIRE_DATABASE_URL: database.url, FACEWIRE_DATA_DIR: temporaryFolder("facewire-cli-") };
  });
  afterEach(() => database.remove());

  /** Parts of the URL that no output may have. */
  const secrets = () => {
    const password = new URL(database.url).password;
    return [password, decodeURIComponent(password)];
  };

  test("tokens are made and listed there, whatever the data folder", async () => {
    const made = await facewire(["tokens", "create", "--role", "read", "--name", "gate"], { env });
    expect(made.code).toBe(0);
    const elsewhere = { ...env, FACEWIRE_DATA_DIR: temporaryFolder("facewire-cli-") };
    const { code, stdout } = await facewire(["tokens", "list"], { env: elsewhere });
    expect(code).toBe(0);
    expect(stdout).toContain("gate");
    const letters = await facewire(["dead-letters", "list"], { env });
    expect(letters.code).toBe(0);
  });

  test("the configuration that is shown has no password in it", async () => {
    for (const words of [["config"], ["config", "--json"]]) {
      const { stdout, stderr } = await facewire(words, { env });
      for (const secret of secrets()) expect(stdout + stderr).not.toContain(secret);
    }
  });

  test("the doctor says that it opens and answers, or what to do about it, and no password", async () => {
    const finding = async (url: string) => {
      const { stdout, stderr } = await facewire(["doctor"], { env: { ...env, FACEWIRE_DATABASE_URL: url } });
      for (const secret of secrets()) expect(stdout + stderr).not.toContain(secret);
      return /^(\w+) +database (.*(\n +mend: .*)?)$/m.exec(stdout)?.slice(1, 3) ?? [stdout];
    };
    expect(await finding(database.url)).toEqual(["ok", expect.stringContaining("opens and answers")]);
    const closed = new URL(database.url);
    closed.port = String(await freePort());
    expect(await finding(closed.href)).toEqual(["missing", expect.stringMatching(/mend: see whether PostgreSQL runs/)]);
    const refused = database.url.replace(/:[^:@]*@/, ":wrong@");
    expect(await finding(refused)).toEqual(["missing", expect.stringMatching(/mend: correct user and password/)]);
    expect(await finding(`${database.url}_unknown`)).toEqual([
      "missing",
      expect.stringMatching(/mend: make it: createdb/),
    ]);
  }, 60_000);
});
