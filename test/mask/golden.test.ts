import { readFile } from 'node:fs/promises';
import t from 'tap';
import { everyMask, golden, keys, maskInSql, maskNamed, openSession } from './both-forms.js';

const absent = JSON.parse('null') as null;

void t.test('each golden example is what both forms of its mask give', async (t) => {
  const client = await openSession(t);
  for (const name of new Set([...everyMask.map(({ name }) => name), ...golden.map(([name]) => name)])) {
    const mask = maskNamed(name);
    const own = golden.filter(([of]) => of === name);
    t.ok(own.length > 0 || /[(]/.test(name), `there is an example of ${name}`);
    const values = own.map(([, value]) => value);
    const expected = own.map(([, , shown]) => shown);
    t.strictSame(
      values.map((value) => mask.apply(value, keys)),
      expected,
      `${name} in TypeScript`,
    );
    t.equal(mask.apply(absent, keys), null, `${name} of null in TypeScript`);
    if (mask.sql === undefined) continue;
    t.strictSame(await maskInSql(client, mask, values), expected, `${name} in SQL`);
    t.strictSame(await maskInSql(client, mask, [null]), [null], `${name} of NULL in SQL`);
  }
});

void t.test('the example that a mask carries for help texts is what it gives', async (t) => {
  for (const { name, example, apply } of everyMask) t.equal(apply(example[0], keys), example[1], name);
});

void t.test('docs/masks.md shows every mask, and only examples that the code gives', async (t) => {
  const text = await readFile(new URL('../../docs/masks.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z0-9(),-]+)` \| `([^`]*)` \| `([^`]*)` \|$/gm)];
  t.equal(rows.length, text.split('\n').filter((line) => /^\| `[^|]*\|[^|]*\|[^|]*\|$/.test(line)).length);
  for (const [, name = '', value = '', shown = ''] of rows) {
    t.equal(maskNamed(name).apply(value, keys) ?? 'NULL', shown, `${name} of ${value}`);
    t.ok(
      golden.some(([of, input]) => of === name && input === value) || name === 'clear',
      `${value} is a golden example`,
    );
  }
  const kindOf = (name: string) => name.replace(/\(.*/, '');
  t.strictSame(
    new Set(rows.map(([, name = '']) => kindOf(name))),
    new Set(everyMask.map(({ name }) => kindOf(name))),
  );
});
