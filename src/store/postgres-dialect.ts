/**
 * kysely's PostgreSQL as the store's schema means it: one schema and one set of migrations for both databases, so the types
 * that migrations name are taken for what SQLite makes of them.
 */
import {
  type ColumnDefinitionNode,
  type DataTypeNode,
  type Dialect,
  PostgresDialect,
  type PostgresPool,
  PostgresQueryCompiler,
} from "kysely";
import pg, { type CustomTypesConfig } from "pg";

/** A dialect over a pool, which it ends when kysely is destroyed. */
export function postgresDialect(pool: PostgresPool): Dialect {
  return new StoreDialect({ pool });
}

class StoreDialect extends PostgresDialect {
  override createQueryCompiler(): PostgresQueryCompiler {
    return new StoreCompiler();
  }
}

class StoreCompiler extends PostgresQueryCompiler {
  #definesColumn = false;

  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    this.#definesColumn = true;
    super.visitColumnDefinition(node);
    this.#definesColumn = false;
  }

  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(this.#definesColumn && node.dataType === "integer" ? { ...node, dataType: "bigint" } : node);
    // Ids and times sort by their bytes; a database sorts as its language does, and another one as another's.
    if (this.#definesColumn && node.dataType === "text") this.append(' collate "C"');
  }
}

const { builtins } = pg.types;

/**
 * How values come back: whole numbers as numbers (the store has none beyond 2^53) also when they are sums, bytes as a
 * Uint8Array with a memory of their own.
 */
export const STORE_TYPES: CustomTypesConfig = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (format !== "binary") {
      if (oid === builtins.INT8 || oid === builtins.NUMERIC) return Number;
      if (oid === builtins.BYTEA) return bytesOf;
    }
    return pg.types.getTypeParser(oid, format);
  },
};

/** `\x` and two hexadecimal digits a byte. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.fromHex(text.slice(2));
}
