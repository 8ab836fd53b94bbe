/**
 * What the order database really holds, as far as the catalogue names it. Read once at start (and by
 * `weir policy check`), never during a request.
 */

export interface LiveColumn {
  readonly name: string;
  /** As format_type writes it: "bigint", "timestamp with time zone", "numeric(10,2)". */
  readonly type: string;
  /** Some index leads with this column alone, so that an equality look-up is cheap. */
  readonly indexed: boolean;
  readonly nullable: boolean;
}

export interface LiveTable {
  readonly schema: string;
  readonly table: string;
  readonly columns: ReadonlyMap<string, LiveColumn>;
  /** Columns of the primary key or of a unique, total index over one column each. */
  readonly uniqueColumns: ReadonlySet<string>;
}

/** Keyed by "schema.table". */
export type LiveSchema = ReadonlyMap<string, LiveTable>;
