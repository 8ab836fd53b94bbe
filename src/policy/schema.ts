/**
 * The shape of the three kinds of policy file: which keys there are and what kind of value each takes.
 * Unknown keys are refused everywhere: a line that protects nothing must not look as if it did.
 * What a schema cannot say (a column that does not exist, a mask of the wrong kind) is said by the readers.
 */
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { largestNumber } from './limit-text.js';
import { counts, sharedBy, type DataClass, type SharedBy } from './model.js';
import { maskEntry } from './see.js';
import { either } from '../spelling.js';

/** Keywords of ours, for messages: `expects` follows "write"; `elsewhere` maps a key to what is written where it belongs. */
export const ownKeywords = ['expects', 'elsewhere'];

export const dataClasses = [
  'none',
  'order-number',
  'name',
  'phone',
  'address',
  'email',
  'id-number',
  'free-text',
  'amount',
] as const satisfies readonly DataClass[];

const closed = { additionalProperties: false } as const;
// Names that begin with __weir_ are the hidden columns of masked relations.
const identifier = '(?!__weir_)[\\p{L}_][\\p{L}\\p{N}_$]{0,62}';

const version = Type.Literal(1, { expects: '1' });

/** A name in a path as mask/document/field-path.ts reads it: plain, or with any signs as a JSON string. */
const fieldName =
  '([^\\s.\\[\\]"*$][^\\s.\\[\\]"*]*|"([^"\\\\\\p{Cc}]|\\\\["\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4})+")';
/** Steps joined by dots; "[*]" is each item of a list, "*" each entry of a map, "$." leads from the document itself. */
const fieldPattern = `^(\\$\\.)?(${fieldName}|\\*)(\\[\\*\\])*(\\.(${fieldName}|\\*)(\\[\\*\\])*)*$`;
const parameterPattern = '^[A-Za-z_][A-Za-z0-9_.-]{0,62}$';
const matchPattern =
  '^(GET|POST|PUT|PATCH|DELETE) /((:[A-Za-z][A-Za-z0-9_]*|[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)(/(:[A-Za-z][A-Za-z0-9_]*|[A-Za-z0-9_~-][A-Za-z0-9_.~-]*))*)?$';

function oneOf<const T extends readonly (string | boolean)[]>(values: T, expects: string) {
  return Type.Unsafe<T[number]>({ enum: values, expects });
}

function mapping<T extends TSchema>(value: T, expects: string, names?: { pattern: string; expects: string }) {
  return Type.Unsafe<Record<string, Static<T>>>({
    type: 'object',
    minProperties: 1,
    additionalProperties: value,
    expects,
    ...(names === undefined ? {} : { propertyNames: { type: 'string', ...names } }),
  });
}

function named(expects: string, pattern?: string) {
  return Type.String({
    minLength: 1,
    maxLength: 500,
    expects,
    ...(pattern === undefined ? {} : { pattern }),
  });
}

const dataClass = oneOf(dataClasses, either(dataClasses));

const lookupExpects =
  'exact, {normal: <column that holds the normal form>} or {last4: <column that holds the last four digits>}';

const lookupEntry = Type.Unsafe<'exact' | { normal?: string; last4?: string }>({
  type: ['string', 'object'],
  expects: lookupExpects,
  if: { type: 'string' },
  then: { enum: ['exact'], expects: lookupExpects },
  else: Type.Object(
    {
      normal: Type.Optional(named('the column that holds the normal form')),
      last4: Type.Optional(named('the column that holds the last four digits')),
    },
    { ...closed, minProperties: 1, maxProperties: 1, expects: lookupExpects },
  ),
});

const catalogColumn = Type.Unsafe<DataClass | { class: DataClass; lookup?: Static<typeof lookupEntry>[] }>({
  type: ['string', 'object'],
  expects: `a class: ${either(dataClasses)}`,
  if: { type: 'string' },
  then: dataClass,
  else: Type.Object(
    {
      class: dataClass,
      lookup: Type.Optional(Type.Array(lookupEntry, { minItems: 1, expects: '[exact]' })),
    },
    closed,
  ),
});

const queryEntry = Type.Unsafe<string | { name: string; field: string }>({
  type: ['string', 'object'],
  expects: 'a name, or {name: phone, field: receiver.phone}',
  if: { type: 'string' },
  then: { pattern: parameterPattern, expects: 'the name of a parameter: letters, digits, _, . and -' },
  else: Type.Object(
    {
      name: named('the name of a parameter: letters, digits, _, . and -', parameterPattern),
      field: named('the field that the parameter is compared with', fieldPattern),
    },
    closed,
  ),
});

const fieldPath = (expects: string) => named(expects, fieldPattern);

const filledValue = Type.Unsafe<string | { value: string }>({
  type: ['string', 'object'],
  expects: 'a column of the table, or {value: <a text that is always the same>}',
  if: { type: 'string' },
  then: { minLength: 1, maxLength: 500, expects: 'a column of the table' },
  else: Type.Object({ value: Type.String({ maxLength: 500, expects: 'a text' }) }, closed),
});

const fill = Type.Object(
  {
    table: named('the table of the catalogue that holds the record'),
    by: named('the column that finds the record'),
    body: mapping(filledValue, 'one line a member of the body, for example to: receiver_phone', {
      pattern: '^[\\p{L}\\p{N}_-]+(\\.[\\p{L}\\p{N}_-]+)*$',
      expects: 'the name of a member, for example to or receiver.phone',
    }),
    pass: Type.Optional(
      Type.Array(named('the name of a member, for example note', '^[\\p{L}\\p{N}_-]+$'), {
        minItems: 1,
        uniqueItems: true,
        expects: 'a list of members of the caller’s body, for example [note]',
      }),
    ),
  },
  { ...closed, expects: '{table: orders, by: order_no, body: {to: receiver_phone}}' },
);

const routeSchema = Type.Object(
  {
    match: named('a method and a path, for example GET /shipments/:id', matchPattern),
    path: Type.Optional(
      mapping(
        fieldPath('the field that the parameter is compared with'),
        'one line a parameter of the path, for example {no: trackingNo}',
      ),
    ),
    query: Type.Optional(
      Type.Array(queryEntry, { minItems: 1, expects: 'a list, for example [status, page]' }),
    ),
    body: Type.Optional(
      Type.Array(fieldPath('a field that the body may hold'), {
        minItems: 1,
        uniqueItems: true,
        expects: 'a list of fields, for example [status, note]',
      }),
    ),
    answer: Type.Optional(oneOf(['json', 'json-lines', 'csv'], 'json, json-lines or csv')),
    records: Type.Optional(
      named('where the records are: "$", "$[*]" or "$.data[*]"', `^\\$((\\.${fieldName})*\\[\\*\\])?$`),
    ),
    record: fieldPath('the field that names the record'),
    subject: Type.Optional(fieldPath('the field that names the person, or leave it out')),
    fill: Type.Optional(fill),
    first: Type.Optional(
      named('the GET route that answers the one record, for example GET /shipments/:id', matchPattern),
    ),
    example: Type.Optional(
      mapping(
        Type.Unsafe<string | number>({
          type: ['string', 'number'],
          minLength: 1,
          maxLength: 500,
          expects: 'a value of the parameter, for example "17"',
        }),
        'one line a parameter of the path or the query, for example {id: 17}',
      ),
    ),
    of: Type.Optional(named('the table of the catalogue that these records belong to')),
    headers: Type.Optional(
      Type.Array(
        named(
          'a header that begins with x-, in small letters, for example x-total-count',
          '^x-(?!forwarded)[a-z0-9-]+$',
        ),
        { minItems: 1, uniqueItems: true, expects: 'a list of headers, for example [x-total-count]' },
      ),
    ),
  },
  {
    ...closed,
    expects: '{match: GET /shipments/:id, record: id}',
  },
);

const service = Type.Object(
  {
    prefix: named('a path of small letters, for example /fulfilment', '^(/[a-z0-9][a-z0-9_-]*)+$'),
    upstream: Type.Object(
      {
        env: named(
          'the variable with the address of the service, for example FULFILMENT_URL',
          '^(?!WEIR_)[A-Z][A-Z0-9_]*$',
        ),
      },
      { ...closed, expects: '{env: FULFILMENT_URL}' },
    ),
    routes: Type.Array(routeSchema, {
      minItems: 1,
      maxItems: 500,
      expects: 'a list of routes, for example - {match: GET /shipments/:id, record: id}',
    }),
    fields: mapping(dataClass, 'one line a field, for example receiver.phone: phone', {
      pattern: fieldPattern,
      expects:
        'the path of a field, for example receiver.phone or "items[*].title"; a name with other signs in double quotes: \'"net price"\'',
    }),
  },
  closed,
);

/** Of a junction table it is two of its columns. */
const recordKey = Type.Unsafe<string | string[]>({
  type: ['string', 'array'],
  expects: 'the column that names the record, or several: [order_id, tag_id]',
  if: { type: 'string' },
  then: named('the column that names the record'),
  else: Type.Array(named('a column'), {
    minItems: 2,
    uniqueItems: true,
    expects: 'a list of columns, for example [order_id, tag_id]',
  }),
});

export const catalogSchema = Type.Object(
  {
    version,
    claims: Type.Optional(
      Type.Array(named('the name of a claim, for example region'), {
        uniqueItems: true,
        expects: 'a list of the claims that tokens carry, for example [region]',
      }),
    ),
    tables: mapping(
      Type.Object(
        {
          from: named('schema.table, for example shop.orders', `^${identifier}\\.${identifier}$`),
          record: recordKey,
          subject: Type.Optional(named('the column that names the person, or leave the line out')),
          references: Type.Optional(
            mapping(
              named('the table whose record the column names'),
              'one line a column, for example customer_id: customers',
            ),
          ),
          columns: mapping(catalogColumn, 'one line a column, for example order_no: order-number', {
            pattern: `^${identifier}$`,
            expects: 'the name of the column: letters, digits and _',
          }),
        },
        closed,
      ),
      'one entry a table',
      { pattern: '^[a-z][a-z0-9_]{0,62}$', expects: 'a name of small letters, digits and _' },
    ),
    services: Type.Optional(
      mapping(service, 'one entry a service', {
        pattern: '^[a-z][a-z0-9_-]{0,62}$',
        expects: 'a name of small letters, digits, - and _',
      }),
    ),
  },
  closed,
);

const limitEntry = Type.Unsafe<
  string | { limit: string; scope?: string; per?: 'person' | SharedBy; observe?: string | boolean }
>({
  type: ['string', 'object'],
  expects: 'a limit such as 500 per day, or {limit: 500 per day, scope: <scope of the token>}',
  if: { type: 'string' },
  then: {},
  else: Type.Object(
    {
      limit: named('a limit such as 500 per day'),
      scope: Type.Optional(
        named('a scope as tokens carry it, for example orders.export', '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$'),
      ),
      per: Type.Optional(oneOf(['person', ...sharedBy], 'person, tool or token')),
      observe: Type.Optional(oneOf(['yes', 'no', true, false], 'yes or no')),
    },
    closed,
  ),
});

const limit = Type.Unsafe<string | Static<typeof limitEntry>[]>({
  type: ['string', 'array'],
  expects: 'a limit such as 500 per day, or a list of limits',
  if: { type: 'string' },
  then: {},
  else: { type: 'array', minItems: 1, items: limitEntry },
});

const limits = Type.Object(Object.fromEntries(counts.map((count) => [count, Type.Optional(limit)])), {
  ...closed,
  minProperties: 1,
  expects: 'one line a count, for example records: 500 per day',
  elsewhere: {
    per: 'records: [{limit: 5000 per day, per: tool}]',
    scope: 'records: [{limit: 5000 per day, scope: orders.export}]',
    observe: 'records: [{limit: 5000 per day, observe: yes}]',
  },
});

const findByEntry = Type.Unsafe<string | Record<string, 'last4'>>({
  type: ['string', 'object'],
  expects: 'a column, or {<column>: last4}',
  if: { type: 'string' },
  then: { minLength: 1 },
  else: {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: { type: 'string', enum: ['last4'], expects: 'last4' },
    expects: 'a column, or {<column>: last4}',
  },
});

function rowFilters(expects: string) {
  return mapping(
    Type.String({ minLength: 1, maxLength: 500, expects: 'the value in quotes, or claim.<name>' }),
    expects,
  );
}

const tableGrant = Type.Object(
  {
    find_by: Type.Optional(
      Type.Array(findByEntry, {
        minItems: 1,
        uniqueItems: true,
        expects: 'a list, for example [order_no]',
      }),
    ),
    browse: Type.Optional(oneOf(['yes', 'no', true, false], 'yes or no')),
    only: Type.Optional(rowFilters('one line a column, for example region: claim.region')),
    reveal: Type.Optional(
      mapping(
        Type.String({ minLength: 1, expects: 'a limit such as 10 per day' }),
        'one line a column, for example receiver_phone: 10 per day',
      ),
    ),
    see: mapping(maskEntry, 'one line a column, for example order_no: clear'),
  },
  closed,
);

const serviceGrant = Type.Object(
  {
    find_by: Type.Optional(
      Type.Array(named('a field, for example id'), {
        minItems: 1,
        uniqueItems: true,
        expects: 'a list, for example [id]',
      }),
    ),
    browse: Type.Optional(oneOf(['yes', 'no', true, false], 'yes or no')),
    write: Type.Optional(oneOf(['yes', 'no', true, false], 'yes or no')),
    fill: Type.Optional(
      Type.Unsafe<'yes' | 'no' | boolean | string[]>({
        type: ['string', 'boolean', 'array'],
        expects: 'yes, or a list of routes: [POST /calls]',
        if: { type: 'array' },
        then: {
          type: 'array',
          minItems: 1,
          uniqueItems: true,
          items: { type: 'string', minLength: 1, expects: 'a route of the service: POST /calls' },
          expects: 'a list of routes: [POST /calls]',
        },
        else: { enum: ['yes', 'no', true, false], expects: 'yes, or a list of routes: [POST /calls]' },
      }),
    ),
    only: Type.Optional(rowFilters('one line a field, for example warehouse: claim.warehouse')),
    see: mapping(maskEntry, 'one line a field, for example status: clear'),
  },
  closed,
);

function wholeNumber(maximum: number, expects: string) {
  return Type.Optional(Type.Integer({ minimum: 1, maximum, expects }));
}

const cost = Type.Object(
  {
    statement_seconds: wholeNumber(3_600, 'a whole number of seconds from 1, for example 5'),
    concurrent: wholeNumber(10_000, 'a whole number of reads from 1, for example 4'),
    concurrent_role: wholeNumber(10_000, 'a whole number of reads from 1, for example 40'),
    pool_share: wholeNumber(100, 'a whole number of percent from 1 to 100, for example 25'),
  },
  { ...closed, minProperties: 1, expects: 'for example {statement_seconds: 5, concurrent: 4}' },
);

const reasonWord = named('a word of small letters, digits and -, for example call', '^[a-z][a-z0-9-]{0,31}$');

const ticketNeed = oneOf(['required', 'optional'], 'required or optional');

const ticket = Type.Unsafe<'required' | 'optional' | { need: 'required' | 'optional'; pattern: string }>({
  type: ['string', 'object'],
  expects: 'required or optional, or {need: required, pattern: CS-*}',
  if: { type: 'string' },
  then: ticketNeed,
  else: Type.Object(
    {
      need: ticketNeed,
      pattern: named('the form of a ticket, # for a digit and * for the rest: CS-*', '^[\\x21-\\x7e]{1,64}$'),
    },
    closed,
  ),
});

export const permissions = ['alerts', 'propose', 'approve'] as const;

export const roleSchema = Type.Object(
  {
    role: named('the name of the file without .yaml: small letters, digits and -', '^[a-z][a-z0-9-]{0,62}$'),
    about: named('what the role is for, in one sentence'),
    owner: named('who decides about the role'),
    for: oneOf(['people', 'services'], 'people or services'),
    tables: Type.Optional(mapping(tableGrant, 'one entry a table of the catalogue')),
    services: Type.Optional(mapping(serviceGrant, 'one entry a service of the catalogue')),
    per_request: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: largestNumber,
        expects: 'a whole number of rows from 1, for example 50',
      }),
    ),
    limits: Type.Optional(Type.Unsafe<Record<string, Static<typeof limit>>>(limits)),
    reason: Type.Optional(
      Type.Array(reasonWord, {
        minItems: 1,
        maxItems: 50,
        uniqueItems: true,
        expects: 'a list of words, for example [call, return, complaint]',
      }),
    ),
    ticket: Type.Optional(ticket),
    cost: Type.Optional(cost),
    hours: Type.Optional(
      named(
        'two times of day and their zone, for example 08:00-20:00 Asia/Shanghai, or always',
        '^(always|([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00) [A-Za-z0-9_+/-]+)$',
      ),
    ),
    networks: Type.Optional(
      Type.Array(named('an address or a network, for example 10.0.0.0/8'), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        expects: 'a list of networks, for example [10.0.0.0/8]',
      }),
    ),
    may: Type.Optional(
      Type.Array(oneOf(permissions, either(permissions)), {
        minItems: 1,
        uniqueItems: true,
        expects: 'a list: [alerts]',
      }),
    ),
  },
  closed,
);

function threshold(minimum: number) {
  const expects = `a whole number from ${minimum}, or off`;
  return Type.Unsafe<number | 'off'>({
    type: ['integer', 'string'],
    expects,
    if: { type: 'string' },
    then: { enum: ['off'], expects },
    else: { type: 'integer', minimum, maximum: largestNumber, expects },
  });
}

const thresholds = {
  records_per_read: threshold(1),
  records_per_hour: threshold(1),
  records_per_day: threshold(1),
  people_per_read: threshold(1),
  people_per_hour: threshold(1),
  people_per_day: threshold(1),
  consecutive: threshold(2),
};

export const alertsSchema = Type.Object(
  {
    version,
    bulk: Type.Object(thresholds, {
      ...closed,
      expects: 'one line a threshold, for example records_per_read: 200',
    }),
    roles: Type.Optional(
      mapping(
        Type.Partial(Type.Object(thresholds, closed), { ...closed, minProperties: 1 }),
        'one entry a role, for example warehouse: {people_per_hour: 400}',
      ),
    ),
  },
  closed,
);

export type CatalogFile = Static<typeof catalogSchema>;
export type RoleFile = Static<typeof roleSchema>;
export type AlertsFile = Static<typeof alertsSchema>;
export type ThresholdKey = keyof typeof thresholds;
export const thresholdKeys = Object.keys(thresholds) as ThresholdKey[];
