/**
 * JSON Schema files for editors, made from the very schemas that check the files, so that an editor marks what
 * the gateway would refuse in the shape of a file. What only the readers know (a column that does not exist)
 * stays theirs to say.
 */
import { casesSchema, rowsSchema } from './case-schema.js';
import { alertsSchema, catalogSchema, roleSchema } from './schema.js';

const schemas = {
  catalog: [catalogSchema, 'Weir: what is where in the order database'],
  role: [roleSchema, 'Weir: what a role may see, and how much'],
  alerts: [alertsSchema, 'Weir: from how many on a read is flagged'],
  rows: [rowsSchema, 'Weir: invented rows for the cases'],
  cases: [casesSchema, 'Weir: what a role must see, and what not'],
} as const;

/** @returns file name → text */
export function editorSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(schemas).map(([name, [schema, title]]) => {
      const document = { $schema: 'http://json-schema.org/draft-07/schema#', title, ...plain(schema) };
      return [`${name}.json`, `${JSON.stringify(document, null, 2)}\n`];
    }),
  );
}

/** `expects` becomes what an editor shows beside the key; `elsewhere` is for messages alone. */
function plain(schema: object): object {
  return Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]: [string, unknown]) => {
      if (keyword === 'elsewhere') return [];
      if (keyword === 'expects') return [['description', value]];
      return [[keyword, keyword === 'enum' || keyword === 'const' ? value : walk(value)]];
    }),
  );
}

function walk(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(walk);
  return typeof value === 'object' && value !== null ? plain(value) : value;
}
