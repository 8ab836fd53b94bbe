/**
 * The shape of policies/tests: rows.yaml holds invented rows, every other file the cases of one role, so
 * that the owner of a role can write down what it must see, and what it must not, beside the policy itself.
 */
import { Type, type Static, type TSchema } from '@sinclair/typebox';

const closed = { additionalProperties: false } as const;

function mapping<T extends TSchema>(value: T, expects: string) {
  return Type.Unsafe<Record<string, Static<T>>>({
    type: 'object',
    additionalProperties: value,
    minProperties: 1,
    expects,
  });
}

/** A value as a person writes it; PostgreSQL reads it as the type of its column. Large numbers go in quotes. */
const value = Type.Unsafe<string | number | boolean | null>({
  type: ['string', 'number', 'boolean', 'null'],
  expects: 'text, a number, true, false or null',
});
/** Where a path leads through a list or a map, all that is there. */
const oneOrMore = Type.Unsafe<string | number | boolean | null | unknown[]>({
  type: ['string', 'number', 'boolean', 'null', 'array'],
  expects: 'text, a number, true, false, null, or a list of these where the path has a *',
});
const row = mapping(value, 'one line a column, for example order_no: E1001');
const claims = mapping(value, 'one line a claim, for example region: 华东; null leaves one out');
const header = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  minLength: 1,
  maxLength: 2_000,
  expects: 'the value of the header, or null to leave it out',
});
const headers = mapping(header, 'one line a header, for example Weir-Reason: call; null leaves one out');

const text = (expects: string) => Type.String({ minLength: 1, maxLength: 2_000, expects });

const anything = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  minProperties: 1,
  expects: 'a record as the service answers it',
});

const inventedService = Type.Object(
  {
    records: Type.Array(anything, { minItems: 1, expects: 'a list of records as the service answers them' }),
    around: Type.Optional(mapping(value, 'what stands around the records, for example {"$.total": 2}')),
  },
  closed,
);

export const rowsSchema = Type.Object(
  {
    version: Type.Literal(1, { expects: '1' }),
    rows: mapping(
      Type.Array(row, { minItems: 1, expects: 'a list of rows' }),
      'one entry a table of the catalogue',
    ),
    services: Type.Optional(mapping(inventedService, 'one entry a service of the catalogue')),
  },
  closed,
);

const testCase = Type.Object(
  {
    title: text('what must hold, in one sentence'),
    get: Type.Optional(
      text(
        "what is asked, behind /rest/: orders?order_no=eq.E1001; from / on for the gateway's other routes",
      ),
    ),
    reveal: Type.Optional(text('the value to reveal, behind /rest/: orders/1/reveal/receiver_phone')),
    call: Type.Optional(
      Type.String({
        pattern: '^(GET|POST|PUT|PATCH|DELETE) /\\S*$',
        expects: 'a call of a service, for example PATCH /fulfilment/shipments/1',
      }),
    ),
    body: Type.Optional(anything),
    claims: Type.Optional(claims),
    after: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        expects: 'how often the same was asked before and answered, for example 60',
      }),
    ),
    after_others: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        expects: 'how many other people asked the same before, with the same tool, for example 200',
      }),
    ),
    at: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d)?(Z|[+-]\\d\\d:\\d\\d)$',
        expects: 'a time with its zone, for example 2026-11-20T23:00+08:00',
      }),
    ),
    scope: Type.Optional(text('scopes of the token, separated by spaces')),
    headers: Type.Optional(headers),
    status: Type.Optional(
      Type.Integer({ minimum: 200, maximum: 599, expects: 'an HTTP status, 200 if left out' }),
    ),
    code: Type.Optional(text('the code of the error (docs/errors.md), for example pin-required')),
    columns: Type.Optional(
      Type.Array(text('the name of a column'), {
        minItems: 1,
        expects: 'every column of the answer, in order',
      }),
    ),
    rows: Type.Optional(
      Type.Array(row, { expects: 'every row of the answer, each with the values that matter; [] for none' }),
    ),
    fields: Type.Optional(
      Type.Array(text('the path of a field'), {
        minItems: 1,
        expects: 'every field of the first record of a service’s answer, in the order of the catalogue',
      }),
    ),
    records: Type.Optional(
      Type.Array(mapping(oneOrMore, 'one line a field, for example receiver.phone: 138****1234'), {
        expects: 'every record of a service’s answer, each with the fields that matter; [] for none',
      }),
    ),
    around: Type.Optional(mapping(oneOrMore, 'what stands around the records, for example {"$.total": 2}')),
    sent: Type.Optional(
      Type.Array(text('what a service was asked, for example GET /shipments?page=1'), {
        expects: 'everything that services were asked; [] for nothing',
      }),
    ),
  },
  closed,
);

export const casesSchema = Type.Object(
  {
    role: text('the role that asks'),
    claims: Type.Optional(claims),
    headers: Type.Optional(headers),
    cases: Type.Array(testCase, {
      minItems: 1,
      expects: 'a list; each has title, get (or reveal, or call) and what comes back',
    }),
  },
  closed,
);

export type RowsFile = Static<typeof rowsSchema>;
export type CasesFile = Static<typeof casesSchema>;
export type TestCase = Static<typeof testCase>;
