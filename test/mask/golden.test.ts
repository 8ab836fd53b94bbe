import { readFile } from 'node:fs/promises';
import t from 'tap';
import { masks } from '../../src/mask/masks.js';
import type { MaskName } from '../../src/policy/model.js';
import { golden, maskInSql, maskNamed, openSession } from './both-forms.js';

void t.test('each golden example is what both forms of its mask give', async (t) => {
  const client = await openSession(t);
  for (const [name, mask] of masks) {
    const own = golden.filter(([of]) => of === name);
    t.ok(own.length > 0, `there is an example of ${name}`);
    const values = own.map(([, value]) => value);
    const expected = own.map(([, , shown]) => shown);
    t.strictSame(
      values.map((value) => mask.apply(value)),
      expected,
      `${name} in TypeScript`,
    );
    t.strictSame(await maskInSql(client, mask, values), expected, `${name} in SQL`);
    t.strictSame(await maskInSql(client, mask, [null]), [null], `${name} of NULL in SQL`);
    t.equal(mask.apply(null), null, `${name} of null in TypeScript`);
  }
});

void t.test('the example that a mask carries for help texts is what it gives', async (t) => {
  for (const { name, example, apply } of masks.values()) t.equal(apply(example[0]), example[1], name);
});

void t.test('docs/masks.md shows every mask, and only examples that the code gives', async (t) => {
  const text = await readFile(new URL('../../docs/masks.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` \| `([^`]*)` \| `([^`]*)` \|$/gm)];
  t.equal(rows.length, text.split('\n').filter((line) => /^\| `[^|]*\|[^|]*\|[^|]*\|$/.test(line)).length);
  for (const [, name = '', value = '', shown = ''] of rows) {
    t.equal(maskNamed(name as MaskName).apply(value), shown, `${name} of ${value}`);
    t.ok(
      golden.some(([of, input]) => of === name && input === value) || name === 'clear',
      `${value} is a golden example`,
    );
  }
  t.strictSame(new Set(rows.map(([, name]) => name)), new Set(masks.keys()));
});
