import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import t from 'tap';
import { parse } from 'yaml';
import { editorSchemas } from '../../src/policy/editor-schema.js';
import { weir } from '../cli/weir-process.js';
import { policiesDirectory } from '../support/gateway.js';

const read = (...name: string[]) => readFileSync(path.join(policiesDirectory, ...name), 'utf8');
const files = ['', 'roles', 'tests'].flatMap((folder) =>
  readdirSync(path.join(policiesDirectory, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => path.join(folder, name)),
);

void t.test('the schema files are those of this version (weir policy schema --dir policies)', async (t) => {
  const schemas = editorSchemas();
  t.strictSame(readdirSync(path.join(policiesDirectory, 'schema')).sort(), [...schemas.keys()].sort());
  for (const [name, text] of schemas) t.equal(read('schema', name), text, name);
  const cwd = t.testdir({});
  t.match(await weir(['policy', 'schema', '--dir', '.'], { cwd }), { code: 0, out: /role\.json/ });
  t.equal(readFileSync(path.join(cwd, 'schema', 'role.json'), 'utf8'), schemas.get('role.json'));
});

void t.test(
  'every example file names the schema that it fits, for an editor that knows nothing else',
  async (t) => {
    const editor = new Ajv({ strict: false, allErrors: true });
    const checks = new Map(
      [...editorSchemas()].map(([name, text]) => [name, editor.compile(JSON.parse(text))]),
    );
    t.ok(files.length > 10);
    for (const file of files) {
      const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(read(file))?.[1] ?? 'none';
      const schema = path.join(path.dirname(file), named);
      t.equal(path.dirname(schema), 'schema', file);
      const check = checks.get(path.basename(schema))!;
      t.ok(check(parse(read(file))), `${file}: ${editor.errorsText(check.errors)}`);
    }
    const role = checks.get('role.json')!;
    const good = parse(read('roles', 'analyst.yaml')) as object;
    t.notOk(role({ ...good, per_reqest: 5 }), 'a mistyped key');
    t.notOk(role({ ...good, per_request: '5' }), 'text for a number');
    t.match(read('schema', 'role.json'), /"description": "a whole number of rows from 1, for example 50"/);
  },
);
