/** The store on PostgreSQL: what it does as on any database, and what can go wrong with a server. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { sql } from "kysely";
import { FacewireError } from "../../src/errors.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { openStoreOf, type Store, type StoreSettings } from "../../src/store/store.ts";
import { transact } from "../../src/store/transactions.ts";
import { freePort } from "../support/free-port.ts";
import { hasPostgres, type PostgresDatabase, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/settle.ts";
import { thrownBy } from "../support/thrown.ts";
import { letter } from "./letter.ts";
import { openPostgresStore, postgresSettings } from "./postgres-store.ts";
import { storeSuite } from "./store-suite.ts";

/** Milliseconds within which a request has to be told that the database is away. */
const AT_ONCE = 3_000;
const refusal = (reason: string) => ({ code: "store_unavailable", details: { reason } });

describe.skipIf(!hasPostgres())("PostgreSQL:", () => {
  storeSuite("PostgreSQL", openPostgresStore);

  describe("a server of its own", () => {
    let server: PostgresServer;
    let database: PostgresDatabase;
    const opened: Store[] = [];
    beforeAll(async () => {
      server = await startPostgres({ durable: true, config: { max_connections: 40 } });
    });
    afterAll(() => server[Symbol.asyncDispose]());
    beforeEach(async () => {
      database = await server.database();
    });
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
      await database.remove();
    });

    async function open(settings: Partial<StoreSettings["database"]> = {}): Promise<Store> {
      const store = await openStoreOf(postgresSettings(database.url, settings));
      opened.push(store);
      return store;
    }

    /** Starts processes that record letters; `lines` is what each has acknowledged. */
    function recorders(names: readonly string[], until: number, done: (child: Bun.Subprocess) => void) {
      return Promise.all(
        names.map(async (name) => {
          const command = [process.execPath, join(import.meta.dir, "recorder.ts"), database.url, name];
          const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
          let said = "";
          for await (const chunk of child.stdout) {
            said += new TextDecoder().decode(chunk);
            if (said.split("\n").length > until) done(child);
          }
          await child.exited;
          return said.split("\n").slice(0, -1);
        }),
      );
    }

    async function expectKept(acknowledged: readonly string[]): Promise<void> {
      const { letters } = await (await open()).deadLetters.list({ limit: 1_000 });
      const kept = new Set(letters.map(({ messageId }) => messageId));
      expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    }

    test("several processes may start at once on an empty database; killed, they lose nothing they acknowledged", async () => {
      const said = await recorders(["a", "b", "c"], 20, (child) => child.kill("SIGKILL"));
      for (const acknowledged of said) expect(acknowledged.length).toBeGreaterThanOrEqual(20);
      await expectKept(said.flat());
    });

    test("a server that is killed loses nothing that was acknowledged", async () => {
      let killed: Promise<void> | undefined;
      const said = await recorders(["a", "b"], 30, () => {
        killed ??= server.kill();
      });
      await killed;
      await server.start();
      expect(said.flat().length).toBeGreaterThanOrEqual(30);
      await expectKept(said.flat());
    });

    test("all text is in the order of its bytes and all whole numbers are large, whatever the database's language", async () => {
      await open();
      const columns = await server.admin<{ table_name: string; data_type: string; collation_name: string | null }>(
        "select table_name, data_type, collation_name from information_schema.columns where table_schema = 'public' and table_name not like 'kysely%'",
        database.name,
      );
      expect(new Set(columns.map(({ data_type }) => data_type))).toEqual(new Set(["text", "bigint", "bytea"]));
      const texts = columns.filter(({ data_type }) => data_type === "text");
      expect(new Set(texts.map(({ collation_name }) => collation_name))).toEqual(new Set(["C"]));
    });

    test("connections that the server ends while nobody uses them do no harm", async () => {
      const store = await open();
      await Promise.all(Array.from({ length: 8 }, () => store.deadLetters.count()));
      await server.admin("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'facewire'");
      await eventually(async () => (await store.deadLetters.count()) === 0, "the pool has new connections");
      await store.ping();
    });

    test("a stop of some seconds is told at once, to reads, writes and transactions, and is over when it is over", async () => {
      const store = await open();
      await store.deadLetters.record(letter());
      for (const away of [server.stop, server.kill]) {
        await away();
        const asked = performance.now();
        for (const failed of await Promise.all([
          thrownBy(() => store.deadLetters.count()),
          thrownBy(() => store.deadLetters.record(letter())),
          thrownBy(() => store.deadLetters.prune({ olderThan: 0, keep: 0 })),
          thrownBy(() => store.events.append([])),
          thrownBy(() => store.ping()),
        ])) {
          expect(failed).toMatchObject(refusal("cannot_connect"));
        }
        expect(performance.now() - asked).toBeLessThan(AT_ONCE);
        await server.start();
        await store.ping();
        expect(await store.deadLetters.count()).toBe(1);
      }
    });

    test("a server that stands still with its connections open is given up at once, and used again when it goes on", async () => {
      const store = await open({ connect_timeout: 1_000 });
      await Promise.all(Array.from({ length: 8 }, () => store.deadLetters.count()));
      await server.freeze();
      try {
        const asked = performance.now();
        const asks = Array.from({ length: 12 }, () => thrownBy(() => store.deadLetters.count()));
        for (const failed of await Promise.all([...asks, thrownBy(() => store.ping())])) {
          expect(failed).toMatchObject({ code: "store_unavailable" });
        }
        expect(performance.now() - asked).toBeLessThan(AT_ONCE);
      } finally {
        await server.thaw();
      }
      await eventually(
        () =>
          store.ping().then(
            () => true,
            () => false,
          ),
        "it answers",
      );
      expect(await store.deadLetters.count()).toBe(0);
    });

    test("a statement that works for long is waited for, and ended when its time is over", async () => {
      const store = await open({ statement_timeout: 4_000 });
      await server.admin(
        "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(2.5); return new; end'",
        database.name,
      );
      await server.admin(
        "create trigger slow before insert on tokens for each row execute function slow()",
        database.name,
      );
      await store.tokens.create({ role: "read", name: "slow" });
      expect(await store.tokens.count()).toBe(1);
      await server.admin("alter table tokens disable trigger slow", database.name);
      const hasty = await open({ statement_timeout: 500 });
      await server.admin("alter table tokens enable trigger slow", database.name);
      expect(await thrownBy(() => hasty.tokens.create({ role: "read", name: "n" }))).toMatchObject(refusal("too_slow"));
    });

    test("a row that another process holds is locked, until it lets go", async () => {
      const store = await open();
      const { db } = openPostgres(postgresSettings(database.url).database);
      const [holding, enough] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const held = transact(db, async (open) => {
        await sql`update event_position set last = last`.execute(open);
        holding.resolve();
        await enough.promise;
      });
      await holding.promise;
      const row = { ...EVENT, key: "k" };
      expect(await thrownBy(() => store.events.append([row]))).toMatchObject(refusal("locked"));
      enough.resolve();
      await held;
      await db.destroy();
      expect(await store.events.append([row])).toMatchObject([{ id: 1 }]);
    });

    test("transactions in each other's way are both done", async () => {
      const store = await open();
      await server.admin(
        "create table a (n bigint); create table b (n bigint); insert into a values (0); insert into b values (0); grant all on a, b to facewire",
        database.name,
      );

      const { db } = openPostgres(postgresSettings(database.url).database);
      const both = { first: Promise.withResolvers<void>(), second: Promise.withResolvers<void>() };
      const cross = (
        own: string,
        other: string,
        mine: PromiseWithResolvers<void>,
        theirs: PromiseWithResolvers<void>,
      ) =>
        transact(db, async (open) => {
          await sql`update ${sql.table(own)} set n = n + 1`.execute(open);
          mine.resolve();
          await theirs.promise;
          await sql`update ${sql.table(other)} set n = n + 1`.execute(open);
        });
      await Promise.all([cross("a", "b", both.first, both.second), cross("b", "a", both.second, both.first)]);
      await db.destroy();
      expect(await server.admin("select a.n::int as a, b.n::int as b from a, b", database.name)).toEqual([
        { a: 2, b: 2 },
      ]);
      await store.ping();
    });

    test("a database that may only be read is told to writers and by the probe, and reads go on", async () => {
      await (await open()).deadLetters.record(letter());
      await server.admin(`alter database ${database.name} set default_transaction_read_only = on`);
      await server.admin("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'facewire'");
      const [store] = opened as [Store];
      await eventually(async () => (await store.deadLetters.count().catch(() => 0)) === 1);
      expect(await thrownBy(() => store.deadLetters.record(letter()))).toMatchObject(refusal("read_only"));
      expect(await thrownBy(() => store.ping())).toMatchObject(refusal("read_only"));
    });

    test("more connections than the server takes are told as such", async () => {
      const store = await open();
      await server.admin("alter role facewire connection limit 0");
      try {
        await server.admin("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'facewire'");
        const tried = () => store.deadLetters.count().then(() => undefined, FacewireError.from);
        await eventually(async () => (await tried())?.details?.reason === "too_many_connections");
      } finally {
        await server.admin("alter role facewire connection limit -1");
      }
      expect(await store.deadLetters.count()).toBe(0);
    });

    test("what cannot be opened says why, and nothing that is told has the password in it", async () => {
      const { url } = database;
      const wrong: readonly [string, object][] = [
        [url.replace(/:[^:@]*@/, ":n0t-the-w0rd@"), refusal("refused")],
        [`${url}_unknown`, refusal("unknown_database")],
        [url.replace(`:${server.port}/`, `:${await freePort()}/`), refusal("cannot_connect")],
        [url.replace("127.0.0.1", "name.invalid"), refusal("cannot_connect")],
        [`${url}?sslmode=require`, refusal("no_tls")],
        [`${url}?sslmode=prefer`, { code: "config_invalid" }],
        [`${url}?sslmode=verify-ca`, { code: "config_invalid" }],
        [`${url}?sslmode=verify-ca&sslrootcert=/nowhere`, { code: "config_invalid" }],
        [url.replace(`:${server.port}/`, ":port/"), { code: "config_invalid" }],
      ];
      for (const [tried, told] of wrong) {
        const failed = await thrownBy(() => openStoreOf(postgresSettings(tried)));
        expect(failed).toMatchObject(told);
        const shown = Bun.inspect(failed, { depth: 20 });
        for (const secret of [server.password, encodeURIComponent(server.password), "n0t-the-w0rd"]) {
          expect(shown).not.toContain(secret);
        }
      }
    });

    test("TLS is spoken as the URL says, and a certificate that does not fit is refused", async () => {
      await using secure = await startPostgres({ tls: true });
      const { url } = await secure.database();
      const root = `sslrootcert=${secure.certificate}`;
      const byName = url.replace("127.0.0.1", "localhost");
      for (const trusted of [
        `${url}?sslmode=require`,
        `${url}?sslmode=verify-full&${root}`,
        `${byName}?sslmode=verify-ca&${root}`,
      ]) {
        const store = await openStoreOf(postgresSettings(trusted));
        await store.tokens.count();
        const ofUser = "from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'facewire'";
        expect(await secure.admin(`select distinct ssl ${ofUser}`)).toEqual([{ ssl: true }]);
        await store.close();
      }
      for (const untrusted of [`${url}?sslmode=verify-full`, `${byName}?sslmode=verify-full&${root}`]) {
        expect(await thrownBy(() => openStoreOf(postgresSettings(untrusted)))).toMatchObject(refusal("not_trusted"));
      }
    });

    test("a database that cannot keep every text is refused", async () => {
      const name = `${database.name}_ascii`;
      await server.admin(`create database ${name} owner facewire template template0 encoding 'SQL_ASCII' locale 'C'`);
      const url = database.url.replace(database.name, name);
      expect(await thrownBy(() => openStoreOf(postgresSettings(url)))).toMatchObject(refusal("wrong_encoding"));
    });

    test("a database of a newer version is refused", async () => {
      await open();
      await server.admin(
        "insert into kysely_migration (name, timestamp) values ('9999-future', '2099-01-01')",
        database.name,
      );
      expect(await thrownBy(() => openStoreOf(postgresSettings(database.url)))).toMatchObject(refusal("newer_version"));
    });
  });
});

const EVENT = {
  time: 0,
  type: "item.completed",
  pipeline: undefined,
  request: undefined,
  job: undefined,
  item: undefined,
  frame: undefined,
  verdict: undefined,
  data: "{}",
  account: undefined,
};
