import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { parseDocument } from 'yaml';
import { masksForClass } from '../../src/mask/masks.js';
import { counts, windows } from '../../src/policy/model.js';
import {
  alertsSchema,
  catalogSchema,
  dataClasses,
  permissions,
  roleSchema,
} from '../../src/policy/schema.js';
import { faultsOf } from './policy-files.js';

const text = await readFile(path.resolve(import.meta.dirname, '../../docs/policies.md'), 'utf8');

interface Example {
  readonly file: string;
  readonly fragment: boolean;
  readonly yaml: string;
}

/** Each block says in its first line which file it is, or of which file it shows some keys. */
const examples = [...text.matchAll(/```yaml\n# (in )?policies\/(\S+)\n([\s\S]*?)```/g)].map(
  ([, within, file, yaml]): Example => ({ file: file!, fragment: within !== undefined, yaml: yaml! }),
);
const whole = Object.fromEntries(
  examples.filter(({ fragment }) => !fragment).map(({ file, yaml }) => [file, yaml]),
);

void t.test('every example of docs/policies.md loads', async (t) => {
  t.equal(examples.length, text.split('```yaml').length - 1, 'every block names its file');
  t.strictSame(Object.keys(whole).sort(), ['alerts.yaml', 'catalog.yaml', 'roles/support-agent.yaml']);
  const set = { ...whole, 'roles/agent.yaml': undefined };
  t.strictSame(await faultsOf(t, set), []);
  for (const { file, fragment, yaml } of examples) {
    if (!fragment) continue;
    const document = parseDocument(whole[file]!);
    for (const [key, value] of Object.entries(parseDocument(yaml).toJS() as Record<string, unknown>)) {
      document.set(key, document.createNode(value));
    }
    t.strictSame(await faultsOf(t, { ...set, [file]: document.toString() }), [], yaml);
  }
});

void t.test(
  'docs/policies.md names every key, every class with its masks, every count, window and permission',
  async (t) => {
    const keys = new Set([catalogSchema, roleSchema, alertsSchema].flatMap((schema) => [...keysOf(schema)]));
    t.ok(
      keys.has('last4') &&
        keys.has('find_by') &&
        keys.has('scope') &&
        keys.has('consecutive') &&
        keys.has('reveal'),
    );
    for (const key of keys) t.ok(text.includes(`\`${key}\``), `key ${key}`);
    for (const word of [...counts, ...windows]) t.ok(text.includes(`\`${word}\``), word);
    for (const permission of permissions) t.match(text, new RegExp(`\\[${permission}\\]`));
    for (const dataClass of dataClasses) {
      const row = text
        .split('\n')
        .find((line) => line.startsWith('|') && line.split('|')[1]!.includes(`\`${dataClass}\``));
      t.ok(row, `class ${dataClass}`);
      const documented = [...(row?.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, mask]) => mask);
      t.strictSame(documented, masksForClass(dataClass), `masks of ${dataClass}`);
    }
  },
);

/** Names of all properties in a schema, also of those that are refused yet. */
function* keysOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [keyword, inner] of Object.entries(schema)) {
    if (keyword === 'properties' || keyword === 'elsewhere') yield* Object.keys(inner as object);
    yield* keysOf(inner);
  }
}
