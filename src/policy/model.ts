/**
 * What a loaded, checked policy set is. The rest of the gateway reads these nouns; only `policy/`
 * makes them. Everything is frozen: a change is a new set.
 */

export type DataClass =
  'none' | 'order-number' | 'name' | 'phone' | 'address' | 'email' | 'id-number' | 'free-text' | 'amount';

/**
 * How a column is shown, with the mask's numbers where it has some: "clear", "last4", "phone(3,4)". What there
 * is stands in mask/masks.ts. "hidden" is none of them: a hidden column is absent.
 */
export type MaskName = string;

/** How a column may be looked up: by its whole text, or (phones) by another column that holds the normal form or the last four digits. */
export type Lookup = { readonly by: 'exact' } | { readonly by: 'normal' | 'last4'; readonly column: string };

export interface CatalogColumn {
  readonly name: string;
  readonly class: DataClass;
  readonly lookup: readonly Lookup[];
}

export interface CatalogTable {
  readonly name: string;
  /** Where it stands in the order database. */
  readonly from: { readonly schema: string; readonly table: string };
  /** Column that names the record in the access log; several with commas between, see recordColumns. */
  readonly record: string;
  /** Column that names the person the record is about. */
  readonly subject: string | undefined;
  /** Columns that hold the record key of another table of the catalogue, where the order database declares no foreign key. */
  readonly references?: ReadonlyMap<string, string>;
  /** In the order of the file. */
  readonly columns: ReadonlyMap<string, CatalogColumn>;
}

/** Of a junction table it is two of them that name a record: then the log knows it as `71,2`. */
export function recordColumns({ record }: Pick<CatalogTable, 'record'>): readonly string[] {
  return record.split(',');
}

export interface Catalog {
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** HTTP services that hold order data; undefined: none. */
  readonly services?: ReadonlyMap<string, CatalogService>;
}

/** A field of a service's answers. Its path is relative to one record; "$.total" is relative to the document. */
export interface CatalogField {
  readonly path: string;
  readonly class: DataClass;
}

export type ServiceMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type AnswerForm = 'json' | 'json-lines' | 'csv';

/** A parameter of a route, in its path or its query. */
export interface RouteParameter {
  readonly name: string;
  /** The field that its value is compared with: given, it pins or looks up. Undefined: a plain word. */
  readonly field: string | undefined;
}

/** A member of a filled request: a column of the record, or a text that is always the same. */
export type FilledValue = { readonly column: string } | { readonly value: string };

/** Clear values of one record become the body of the service's request; the caller never gets them. */
export interface RouteFill {
  /** Of the catalogue. */
  readonly table: string;
  /** Column that finds the record; the caller's body gives its value, under its name. Unique. */
  readonly by: string;
  /** What the service gets, by the place in its body ("receiver.phone": inside an object). */
  readonly body: ReadonlyMap<string, FilledValue>;
  /** Members of the caller's body that go to the service as they are. */
  readonly pass: readonly string[];
}

export interface ServiceRoute {
  /** As the catalogue writes it: "GET /shipments/:id". Unique in its service. */
  readonly match: string;
  readonly method: ServiceMethod;
  /** Below the prefix: "shipments", ":id". */
  readonly segments: readonly string[];
  /** Those of the path, in its order. */
  readonly path: readonly RouteParameter[];
  readonly query: ReadonlyMap<string, RouteParameter>;
  /** Fields that a body may hold; empty: the route takes no body. */
  readonly body: readonly string[];
  readonly answer: AnswerForm;
  /** Where the records are: "$" (the document is the one record), "$[*]" or "$.data[*]". */
  readonly records: string;
  /** Field that names the record in the access log. */
  readonly record: string;
  /** Field that names the person the record is about. */
  readonly subject: string | undefined;
  /** Under this name the log knows the records: a table of the catalogue, or "<service>.<first word of the path>". */
  readonly space: string;
  /** Headers of the answer that may pass, in small letters. */
  readonly headers: readonly string[];
  /** The gateway writes the body. */
  readonly fill?: RouteFill;
  /** The route, by `match`, that answers the one record which this one writes: asked first, where a role has `only`. */
  readonly first?: string;
  /** Values of parameters with which the route can be called to see what it answers. */
  readonly example?: ReadonlyMap<string, string>;
}

export interface CatalogService {
  readonly name: string;
  /** Under the gateway's root: "/fulfilment". */
  readonly prefix: string;
  /** The variable that holds the base URL. */
  readonly upstream: { readonly env: string };
  /** By `match`, in the order of the file. */
  readonly routes: ReadonlyMap<string, ServiceRoute>;
  /** In the order of the file. */
  readonly fields: ReadonlyMap<string, CatalogField>;
}

/** `only: {column: value}` (of a service: a field's path) or `only: {column: claim.name}`: plain equality, nothing else. */
export interface RowFilter {
  readonly column: string;
  readonly value: { readonly literal: string } | { readonly claim: string };
}

export interface TablePolicy {
  readonly table: CatalogTable;
  readonly browse: boolean;
  readonly findBy: readonly string[];
  readonly only: readonly RowFilter[];
  /** Visible columns only, in the order of the catalogue. */
  readonly see: ReadonlyMap<string, MaskName>;
  /** Columns that may be found by their last four digits → the indexed column that holds these. */
  readonly findByLast4?: ReadonlyMap<string, string>;
  /** Columns of which one record's value may be had in clear, and how often. */
  readonly reveal?: ReadonlyMap<string, Limit>;
}

export interface ServicePolicy {
  readonly service: CatalogService;
  /** Lists without a pin. */
  readonly browse: boolean;
  /** Routes whose method is not GET. */
  readonly write: boolean;
  /** Fields that the role may pin or look up by. */
  readonly findBy: readonly string[];
  /** Records that exist for the role. */
  readonly only: readonly RowFilter[];
  /** Visible fields only, in the order of the catalogue. */
  readonly see: ReadonlyMap<string, MaskName>;
  /** Routes that it may have filled, by `match`. */
  readonly fill?: ReadonlySet<string>;
}

/** Their order is that of the bits in stored meters (quota/buckets.ts): a new one goes to the end. */
export const counts = [
  'queries',
  'records',
  'people',
  'lookups',
  'misses',
  'reveals',
  'bytes',
  'fills',
] as const;
export type Count = (typeof counts)[number];

export const windows = ['minute', 'hour', 'day', '30d'] as const;
export type Window = (typeof windows)[number];

/** Meters that many share: all who come with one tool, or with one token, under a role. */
export const sharedBy = ['tool', 'token'] as const;
export type SharedBy = (typeof sharedBy)[number];

export interface Limit {
  readonly count: Count;
  readonly window: Window;
  readonly max: number;
  /** Whose reads count; undefined: those of the person, or of the service itself. */
  readonly per?: SharedBy;
  /** Applies, instead of the one without scope, to tokens that carry this scope. */
  readonly scope: string | undefined;
  /** Refuses nothing: a read that would go beyond it is flagged. */
  readonly observe?: true;
}

/** Tickets of a role: must a read name one, and of which form. */
export interface TicketPolicy {
  readonly required: boolean;
  /** `#` a digit, `*` anything; undefined: printable and short will do. */
  readonly pattern: string | undefined;
}

/** Times of day in a zone; `to` is no longer within. Minutes since midnight; over midnight where `to` comes first. */
export interface Hours {
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  /** As the file says it. */
  readonly text: string;
}

/** What a read may cost the order database. */
export interface CostPolicy {
  /** One statement; never longer than the gateway allows at all. */
  readonly statementMs: number | undefined;
  /** Reads under way at once, of one person and of the whole role, in each gateway process. */
  readonly concurrent: number | undefined;
  readonly concurrentRole: number | undefined;
  /** Percent of a gateway process's connections for long reads that the role may hold at once. */
  readonly poolShare?: number | undefined;
}

/** What a read is for, as far as the role asks. */
export interface Purpose {
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
}

export interface RolePolicy {
  readonly role: string;
  readonly about: string;
  readonly owner: string;
  readonly for: 'people' | 'services';
  readonly tables: ReadonlyMap<string, TablePolicy>;
  /** Undefined: the role meets no service. */
  readonly services?: ReadonlyMap<string, ServicePolicy>;
  /** Rows that one request may read. */
  readonly perRequest: number;
  readonly limits: readonly Limit[];
  /** Administrative reads that the role may make, e.g. "alerts". */
  readonly may: ReadonlySet<string>;
  /** A read gives one of these (Weir-Reason); undefined: none is asked for, and none recorded. */
  readonly reasons?: readonly string[] | undefined;
  readonly ticket?: TicketPolicy | undefined;
  /** When its tokens are taken; undefined: at any time. */
  readonly hours?: Hours | undefined;
  /** Addresses or CIDR blocks from which they are taken; undefined: from anywhere. */
  readonly networks?: readonly string[] | undefined;
  readonly cost?: CostPolicy | undefined;
}

/** Thresholds of policies/alerts.yaml; a read at or above one is flagged. Undefined: not watched. */
export interface BulkThresholds {
  readonly recordsPerRead: number | undefined;
  readonly recordsPerHour: number | undefined;
  readonly recordsPerDay: number | undefined;
  readonly peoplePerRead: number | undefined;
  readonly peoplePerHour: number | undefined;
  readonly peoplePerDay: number | undefined;
  readonly consecutive: number | undefined;
}

export type BulkRule = keyof BulkThresholds;

/** A limit with `observe: yes` would have refused the read. */
export type ObservedRule = `observed ${Count} per ${Window}${'' | ` of the ${SharedBy}`}`;

export interface Flag {
  /**
   * guessing: look-ups that differ only in hidden digits, refused. tokenAddresses needs no threshold of a policy:
   * one token from two addresses is always told.
   */
  readonly rule: BulkRule | 'guessing' | 'tokenAddresses' | ObservedRule;
  readonly value: number;
  readonly threshold: number;
}

export interface AlertPolicy {
  readonly bulk: BulkThresholds;
  /** Overrides by role: merged over `bulk`. */
  readonly roles: ReadonlyMap<string, BulkThresholds>;
}

export interface PolicySet {
  /** SHA-256, lower-case hex, over the canonical content of every file of the set. */
  readonly digest: string;
  readonly catalog: Catalog;
  readonly roles: ReadonlyMap<string, RolePolicy>;
  readonly alerts: AlertPolicy;
}
