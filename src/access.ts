/**
 * The nouns that travel through the corridor. No I/O, no behaviour.
 * MaskedRows and Receipt carry brands: only `sql/` and `services/` make the first, only `log/` the second, so that
 * an answer of raw rows, or of rows that are not on the log, does not compile (test/structure holds
 * who may call the makers).
 */
import type { CatalogTable, Flag, Limit, MaskName, PolicySet, Purpose, RolePolicy } from './policy/model.js';
import type { WeirError } from './errors.js';

export type ClaimValue = string | number | boolean;

/** Who asks: a verified token, reduced to what the other rooms need. */
export interface Principal {
  readonly issuer: string;
  /** The person claim; a person is (issuer, person). Undefined for a service's own token. */
  readonly person: string | undefined;
  readonly displayName: string | undefined;
  /** The staff tool (client_id). */
  readonly tool: string;
  /** Whom the token's holder acts through or for (RFC 8693 `act.sub`). */
  readonly act: string | undefined;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly tokenId: string | undefined;
  readonly expiresAtMicros: number;
  /** Scalar claims, for row filters (`only: {region: claim.region}`). */
  readonly claims: Readonly<Record<string, ClaimValue>>;
  readonly limits?: readonly LoweredLimit[];
}

/** A limit that the token sets for itself (claim weir_limits). It never raises one. */
export type LoweredLimit = Pick<Limit, 'count' | 'window' | 'max'>;

export type FilterOperator =
  | 'eq'
  | 'neq'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'in'
  | 'is'
  | 'like'
  | 'ilike'
  | 'isdistinct'
  /** Contains, is contained in, overlaps: of arrays and jsonb. */
  | 'cs'
  | 'cd'
  | 'ov';

/** A step into a jsonb column: a member's name or a place in a list. `text`: as text, and so the last one. */
export interface PathStep {
  readonly key: string | number;
  readonly text: boolean;
}

export interface Filter {
  readonly column: string;
  readonly path?: readonly PathStep[];
  readonly operator: FilterOperator;
  /** `like(any)`, `gt(all)`: the comparison holds for some, or for each, of the values. */
  readonly among?: 'any' | 'all';
  /** One value, except for `in`, lists of arrays and `among`; `is` takes null, not_null, true, false or unknown. */
  readonly values: readonly string[];
  readonly negated: boolean;
}

/** Whether an embedded table has a row for the row around. */
export interface Presence {
  /** Its place among those embedded in the same rows. */
  readonly embedded: number;
  readonly present: boolean;
}

/** Filters combined. What stands in one never pins: pins are top-level conjuncts, in ReadPlan.filters. */
export interface FilterGroup {
  readonly combine: 'and' | 'or';
  readonly negated: boolean;
  readonly members: readonly (Filter | FilterGroup | Presence)[];
}

/** A column of the answer. */
export interface Selected {
  /** `*` stands for every column that the role sees. */
  readonly column: string;
  readonly path?: readonly PathStep[];
  /** What the answer calls it; undefined: by its own name. */
  readonly as?: string | undefined;
  /** The type that it is cast to, as the caller writes it. */
  readonly cast?: string | undefined;
}

export interface Ordering {
  readonly column: string;
  readonly path?: readonly PathStep[];
  /** The column is that of an embedded table, by its place, of which a row has one at the most. */
  readonly embedded?: number;
  readonly descending: boolean;
  readonly nulls: 'first' | 'last' | undefined;
}

/** Rows of another table that come inside the rows of this one, joined by a foreign key. */
export interface Embedding {
  /** The other table, by its name in the catalogue. */
  readonly table: string;
  /** What the answer calls it; undefined: by the table's name. Never on the log. */
  readonly as?: string | undefined;
  /** A column of the foreign key, or the key's own name, where there are several. */
  readonly hint?: string | undefined;
  /** Rows without any such row are left out. */
  readonly inner: boolean;
  /** Its columns become those of the row around. */
  readonly spread?: true;
  readonly select: readonly Selected[] | undefined;
  readonly filters: readonly Filter[];
  readonly groups?: readonly FilterGroup[];
  readonly order: readonly Ordering[];
  /** Rows inside one row; undefined: as many as there are. */
  readonly limit: number | undefined;
  readonly offset: number;
  readonly embedded?: readonly Embedding[];
}

/** What is asked for, independent of the door. */
export interface ReadPlan {
  readonly table: string;
  /** Columns by their names in the catalogue; undefined: every column that the role sees. */
  readonly select: readonly Selected[] | undefined;
  /** All of them must hold. */
  readonly filters: readonly Filter[];
  /** And so must these. */
  readonly groups?: readonly FilterGroup[];
  /** They come after the columns. */
  readonly embedded?: readonly Embedding[];
  readonly order: readonly Ordering[];
  /** Rows; undefined: as many as there are. */
  readonly limit: number | undefined;
  readonly offset: number;
  readonly count: boolean;
  /** What happens where the role's per_request is smaller than the answer. */
  readonly overflow: 'cut' | 'refuse';
  /**
   * json: timestamps and composite types as PostgreSQL's to_json writes them; stripped: the same without members that
   * are null; text: as COPY writes them.
   */
  readonly encoding: 'json' | 'stripped' | 'text';
}

export type Door = 'rest' | 'admin' | 'proxy';

/** An identified principal stands at a door: enough to record a refusal, before the request is understood. */
export interface Asked {
  readonly id: string;
  readonly door: Door;
  /** Template, never a URL with values: "GET /rest/orders". */
  readonly route: string;
  readonly principal: Principal;
  /** The role that the caller named (Weir-Role). */
  readonly namedRole: string | undefined;
  /** Client address as seen from trusted proxies. */
  readonly address: string;
  /** As the caller wrote them (Weir-Reason, Weir-Ticket): nothing of them is recorded before the role's policy has let it pass. */
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

export interface AccessRequest extends Asked {
  readonly plan: ReadPlan;
  /** One column of one record is wanted in clear; the plan names table and column, admission adds the record. */
  readonly reveal?: { readonly key: string; readonly column: string };
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Where the catalogue's routes lead. */
export type MatchedRoute =
  /** `match` of a route, and the values of its path's parameters in their order. */
  | { readonly match: string; readonly parameters: readonly string[] }
  /** There are routes at the address, but for other methods. */
  | { readonly methods: readonly string[] };

/** A call of a service of the catalogue. */
export interface ServiceRequest extends Asked {
  readonly service: string;
  readonly matched: MatchedRoute | undefined;
  readonly query: readonly { readonly name: string; readonly value: string }[];
  /** Reads the body, bounded; undefined: there is none. @throws WeirError */
  readonly body: (() => Promise<string>) | undefined;
}

/** What goes to a service: nothing of the caller's but what was checked. */
export interface OutgoingCall {
  readonly method: string;
  /** Encoded, from the service's root: "/shipments/17". */
  readonly path: string;
  /** Without the question mark. */
  readonly search: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Takes a service's answer as it comes: the head, its parts, and how it ended, once. */
export interface AnswerTaker {
  /** @returns false: nothing more is wanted */
  head(status: number, headers: UpstreamHeaders): boolean;
  /** @returns false: nothing more is wanted */
  part(bytes: Buffer): boolean;
  end(): void;
  /** At any time, also before the head. @param error service-unavailable, service-timeout, service-answer-unfit, busy */
  failed(error: WeirError): void;
}

/** Sends it, once. */
export type Forward = (call: OutgoingCall, taker: AnswerTaker) => void;

/** What leaves the corridor of a service's answer. */
export interface ServiceAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Those that the route lets pass. */
  readonly headers: Readonly<Record<string, string>>;
  /** One value a record: its text; `body` holds them all. */
  readonly rows: ReleasedRows;
}

/** What the proxy door knows of the corridor. */
export interface ServiceCorridor {
  /**
   * One call: admit → run (forward, read, mask) → commit → release. A write is on the log before it is forwarded.
   * @throws WeirError, already recorded
   */
  call(request: ServiceRequest, forward: Forward): Promise<ServiceAnswer>;
}

/** What `admit` found: the request is allowed so far, under this policy. */
export interface Decision {
  readonly request: Asked & Pick<AccessRequest, 'reveal'>;
  /** Pseudonymous id of the person (or service) on the log. */
  readonly actorId: string;
  readonly set: PolicySet;
  readonly role: RolePolicy;
  /** By its name the log knows the rows. */
  readonly table: { readonly table: Pick<CatalogTable, 'name'> };
  readonly columns: readonly ReleasedColumn[];
  readonly limits: readonly Limit[];
  /** Limits that are only watched (`observe: yes`). */
  readonly observed?: readonly Limit[];
  /** Some released column has a personal class, so that rows are charged as records. */
  readonly personal: boolean;
  /** Tables that come inside the rows, in the order of their digests on the log: each before those inside it. */
  readonly also?: readonly EmbeddedTable[] | undefined;
  /** How many values were looked up in columns that the role does not see in clear. */
  readonly lookups: number;
  /** From how many addresses the token has been used, where this is the first read from another one. */
  readonly tokenAddresses?: number | undefined;
  /** Rows at the most; undefined: no bound. */
  readonly rowLimit: number | undefined;
  /** The normalised query, without literals, as it stands in the entry. */
  readonly statement: string;
  readonly purpose?: Purpose;
  readonly lookedUp?: readonly LookedUp[];
  /** Looked up by less than the whole value: every row that is found counts as a look-up. */
  readonly candidates?: boolean;
  /** It leaves to a service, and the caller gets nothing of it. */
  readonly sent?: Sent;
  /** So many records of the answer were charged before, with what was sent. */
  readonly reserved?: number;
}

/** What goes to a service and is on the log first: a write of the caller's, or clear values that the gateway fills in. */
export interface Sent {
  readonly as: 'write' | 'fill';
  readonly service: string;
  /** Fields that the body of a write names. */
  readonly body: readonly string[];
  /** What the answer will show at the most, as far as that is known: its records are charged now. */
  readonly reserves: { readonly records: number; readonly people: number };
}

/** What of an embedded table is released. */
export interface EmbeddedTable {
  readonly table: string;
  readonly columns: readonly ReleasedColumn[];
  /** Some of these columns have a personal class, so that its rows are charged as records. */
  readonly personal: boolean;
}

export interface ReleasedColumn {
  /** Of the column that it shows, as the log names it. */
  readonly name: string;
  /** What the answer calls it, where the caller renamed it. Never on the log: it may hold anything. */
  readonly as?: string;
  readonly mask: MaskName;
  /** An embedded table, by its name, whose text is JSON already; or a column of one that is spread. */
  readonly embedded?: true;
  /** How its text is written in JSON. */
  readonly json: 'string' | 'verbatim' | 'boolean' | 'number';
}

/** A value looked up in a column that the role does not see in clear. It stays in memory: the log gets digests. */
export interface LookedUp {
  readonly column: string;
  readonly phone: boolean;
  /** What the role can see of it. */
  readonly seen: string;
  readonly whole: string;
}

declare const masked: unique symbol;
declare const recorded: unique symbol;

/** One chunk of rows that came through a masked relation. `values` is row-major, `width` columns a row. */
export interface MaskedRows {
  readonly [masked]: true;
  readonly width: number;
  readonly values: readonly (readonly (string | null)[])[];
  /** Text of each row's record key. Never sent. */
  readonly recordKeys: readonly string[];
  /** Text of each row's subject key, where the row has one. Never sent. */
  readonly subjectKeys: readonly (string | null)[];
  /** A service's answer as it is sent. */
  readonly body?: MaskedBody;
  /** Of each table that came inside the rows, as Decision.also has them. */
  readonly embedded?: readonly EmbeddedKeys[];
  /** 0 for the first chunk of a read. */
  readonly part: number;
  /** No chunk follows. */
  readonly last: boolean;
}

/** The records of a service's answer, and around them what tells nothing about a person; UTF-8. */
export interface MaskedBody {
  encode(): Buffer;
  /** How many bytes of it are the records'. */
  readonly ofRecords: number;
}

/** The keys of all embedded rows of one table of a chunk, in the order of the answer. Never sent. */
export interface EmbeddedKeys {
  readonly table: string;
  readonly recordKeys: readonly string[];
  readonly subjectKeys: readonly (string | null)[];
}

/** Proof that exactly these rows are on the log and charged. */
export interface Receipt {
  readonly [recorded]: true;
  readonly rows: MaskedRows;
  readonly writer: string;
  readonly number: number;
  readonly atMicros: number;
  readonly flags: readonly Flag[];
}

/** What leaves the corridor. */
export interface ReleasedRows {
  readonly values: readonly (readonly (string | null)[])[];
  /** A service's answer as it is sent. */
  readonly body?: MaskedBody;
  readonly last: boolean;
}

export interface Answer {
  readonly columns: readonly ReleasedColumn[];
  /** Rows in the whole answer before limit and offset; undefined unless asked for. */
  readonly total: number | undefined;
  /** per_request cut the answer to this many rows; undefined: it did not. */
  readonly cutTo: number | undefined;
  /** At least one chunk; the first is here before the generator is first asked. */
  readonly chunks: AsyncGenerator<ReleasedRows, void, void>;
}

/** A table as one role meets it, for documentation: nothing that the role does not see. */
export interface VisibleTable {
  readonly name: string;
  readonly browse: boolean;
  readonly findBy: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly mask: MaskName;
    /** As it comes out: that of the column, or text where it is masked. */
    readonly type: string;
    /** What it refers to, where the role can join by it. */
    readonly references?: { readonly table: string; readonly column: string };
  }[];
}

export interface VisibleTables {
  readonly role: string;
  readonly about: string;
  /** Rows that one request may read. */
  readonly perRequest: number;
  readonly tables: readonly VisibleTable[];
  /** Words of which each read gives one; undefined: none is asked for. */
  readonly reasons?: readonly string[] | undefined;
  /** Undefined: none is asked for. */
  readonly ticket?: 'required' | 'optional' | undefined;
}

/** What doors know of the corridor. */
export interface Corridor {
  /**
   * One read: admit → run → commit → release. The promise settles when the first chunk is on the log;
   * each further chunk is recorded and charged before the generator yields it.
   * @throws WeirError, already recorded as a refusal where the principal is known
   */
  pass(request: AccessRequest): Promise<Answer>;
  /** Records a refusal that a door found before there was a plan. @returns the error to send (log-unavailable if it could not be recorded) */
  refuse(asked: Asked, error: WeirError): Promise<WeirError>;
  /** What the caller's role sees: names and types, no row. @throws WeirError, already recorded as a refusal */
  describe(asked: Asked): Promise<VisibleTables>;
  /**
   * Authorises and records an administrative step ("alerts", "approve").
   * @param about what it is about, for the entry: nothing that a caller could have made up
   * @throws WeirError
   */
  administer(asked: Asked, permission: string, about?: string): Promise<void>;
}
