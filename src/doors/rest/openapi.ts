/**
 * OpenAPI 3.1 of the REST door, for one role: its tables and columns with how it sees them, the parameters
 * that every table takes, and what comes back. Holds nothing that the role does not see.
 */
import type { VisibleTable, VisibleTables } from '../../access.js';

/** @param version of the gateway */
export function openApi(visible: VisibleTables, version: string): object {
  const { role, about, perRequest, tables } = visible;
  return {
    openapi: '3.1.0',
    info: { title: `Weir, as ${role} sees it`, description: about, version },
    security: [{ token: [] }],
    paths: Object.fromEntries(
      tables.map((table) => [`/rest/${table.name}`, { ...pathOf(table, perRequest), ...purposeOf(visible) }]),
    ),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([key, parameter]) => [key, { ...parameter, required: false }]),
      ),
      schemas: {
        ...Object.fromEntries(tables.map((table) => [table.name, schemaOf(table)])),
        problem,
      },
      responses: {
        problem: {
          description: 'Nothing was released, and why (RFC 9457)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/problem' } } },
        },
      },
    },
  };
}

const text = { type: 'string' } as const;
const header = (name: string, description: string) => ({ name, in: 'header', description, schema: text });
const query = (name: string, description: string, schema: object = text) => ({
  name,
  in: 'query',
  description,
  schema,
});

const parameters = {
  select: query(
    'select',
    'Columns, in order, and tables inside the rows: status,total:amount,created_at::date,order_items(title)',
  ),
  order: query('order', 'created_at.desc.nullslast,status'),
  limit: query('limit', 'Rows at the most', { type: 'integer', minimum: 0 }),
  offset: query('offset', 'Rows to skip', { type: 'integer', minimum: 0 }),
  or: query('or', '(status.eq.paid,and(amount.gt.5,amount.lt.9))'),
  and: query('and', '(status.eq.paid,or(amount.gt.5,amount.is.null))'),
  role: header('Weir-Role', 'The role, where the token holds several'),
  range: header('Range', 'Rows from 0, both ends included: 0-24'),
  prefer: header('Prefer', 'count=exact'),
} as const;

/** What every read of the role says it is for, where the role asks. */
function purposeOf({ reasons, ticket }: VisibleTables): object {
  const asked = [
    ...(reasons === undefined
      ? []
      : [{ ...header('Weir-Reason', 'What the read is for'), required: true, schema: { enum: reasons } }]),
    ...(ticket === undefined
      ? []
      : [{ ...header('Weir-Ticket', 'What it belongs to'), required: ticket === 'required' }]),
  ];
  return asked.length === 0 ? {} : { parameters: asked };
}

function pathOf({ name, browse, findBy, columns }: VisibleTable, perRequest: number): object {
  const filters = [
    ...new Set([...columns.filter(({ mask }) => mask === 'clear').map((c) => c.name), ...findBy]),
  ];
  const rows = { type: 'array', items: { $ref: `#/components/schemas/${name}` } };
  return {
    get: {
      summary: `Rows of ${name}`,
      description: [
        ...(browse
          ? []
          : [`Every read pins a record or a person by ${findBy.join(' or ')}: eq or in, the whole value.`]),
        `At most ${perRequest} rows a request.`,
      ].join(' '),
      parameters: [
        ...filters.map((column) =>
          query(
            column,
            findBy.includes(column)
              ? 'A pin: eq.<value> or in.(<values>)'
              : 'A filter: eq.<value>, gt.<value>, …',
          ),
        ),
        ...Object.keys(parameters).map((key) => ({ $ref: `#/components/parameters/${key}` })),
      ],
      responses: {
        200: {
          description: 'Rows, recorded before they left',
          headers: {
            'Content-Range': { description: 'Which rows, of how many', schema: text },
            'Weir-Request-Id': { description: 'Names the request, for questions', schema: text },
            'Weir-Cut': { description: 'Why there are no more rows', schema: text },
          },
          content: {
            'application/json': { schema: rows },
            'application/vnd.pgrst.object+json': { schema: rows.items },
            'text/csv': { schema: text },
          },
        },
        206: { description: 'A known part of the rows' },
        default: { $ref: '#/components/responses/problem' },
      },
    },
  };
}

function schemaOf({ columns }: VisibleTable): object {
  return {
    type: 'object',
    properties: Object.fromEntries(
      columns.map(({ name, mask, type, references }) => [
        name,
        {
          ...jsonType(type),
          description:
            (mask === 'clear' ? `in clear (${type})` : `masked: ${String(mask)}`) + foreignKey(references),
        },
      ]),
    ),
  };
}

/** As PostgREST writes it, so that generators find it. */
function foreignKey(to: VisibleTable['columns'][number]['references']): string {
  if (to === undefined) return '';
  return `\n\nNote:\nThis is a Foreign Key to \`${to.table}.${to.column}\`.<fk table='${to.table}' column='${to.column}'/>`;
}

function jsonType(type: string): object {
  if (/^(smallint|integer|bigint)$/.test(type)) return { type: ['integer', 'null'] };
  if (/^(numeric|real|double precision)/.test(type)) return { type: ['number', 'null'] };
  if (type === 'boolean') return { type: ['boolean', 'null'] };
  if (type === 'date') return { type: ['string', 'null'], format: 'date' };
  if (type.startsWith('timestamp with time zone')) return { type: ['string', 'null'], format: 'date-time' };
  return /^(text|character|uuid|timestamp)/.test(type) ? { type: ['string', 'null'] } : {};
}

const problem = {
  type: 'object',
  properties: {
    type: text,
    title: text,
    status: { type: 'integer' },
    detail: text,
    instance: text,
    code: text,
    message: text,
    details: { type: ['string', 'null'] },
    hint: { type: ['string', 'null'] },
  },
};
