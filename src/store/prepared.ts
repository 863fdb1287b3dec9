/**
 * Queries of the busiest paths, compiled once for a database and run with other values: kysely takes longer to write most of
 * them than SQLite takes to run them.
 */
import type { CompiledQuery, Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/** Compiled forms that one query keeps: one for each number of values or rows that it is asked with. */
const MOST_FORMS = 64;

/** What a query is run with. */
interface Given {
  readonly values: object;
  readonly rows: readonly object[];
}

/** Stands in a query where a value goes. */
class Placeholder {
  readonly read: (given: Given) => unknown;

  constructor(read: (given: Given) => unknown) {
    this.read = read;
  }
}

/** What kysely's builders can do at their end. */
interface Compilable<R> {
  compile(): CompiledQuery<R>;
}

/**
 * Prepares a query; what comes back runs it and resolves with its rows. `build` writes it with placeholders for the values: it may
 * hand them to kysely and do nothing else with them.
 */
export function prepared<V extends object, R>(
  build: (db: Kysely<Schema>, values: V) => Compilable<R>,
): (db: Kysely<Schema>, values: V) => Promise<readonly R[]> {
  const forEach = preparedForEach<V, never, R>(build);
  return (db, values) => forEach(db, values, []);
}

/** The same for a query about several rows, such as `id in (...)` or an insertion; it is compiled for each number of them. */
export function preparedForEach<V extends object, T extends object, R>(
  build: (db: Kysely<Schema>, values: V, rows: readonly T[]) => Compilable<R>,
): (db: Kysely<Schema>, values: V, rows: readonly T[]) => Promise<readonly R[]> {
  /** By the kind of database, and the number of rows. */
  const forms = new WeakMap<object, Map<number, CompiledQuery<R>>>();
  return async (db, values, rows) => {
    // A transaction has the adapter of its database.
    const { adapter } = db.getExecutor();
    const known = forms.get(adapter) ?? new Map<number, CompiledQuery<R>>();
    forms.set(adapter, known);
    let form = known.get(rows.length);
    if (form === undefined) {
      const inPlace = rows.map((_, at) => placeholders<T>((all: Given) => all.rows[at] as object));
      form = build(
        db,
        placeholders<V>(({ values: given }: Given) => given),
        inPlace,
      ).compile();
      if (known.size < MOST_FORMS) known.set(rows.length, form);
    }
    const given = { values, rows };
    const parameters = form.parameters.map((one) => (one instanceof Placeholder ? one.read(given) : one));
    return (await db.executeQuery<R>({ ...form, parameters })).rows;
  };
}

/** An object whose every member is a placeholder. */
function placeholders<V extends object>(of: (given: Given) => object): V {
  return new Proxy({} as V, {
    get: (_, name) => new Placeholder((given) => (of(given) as Readonly<Record<PropertyKey, unknown>>)[name]),
  });
}
