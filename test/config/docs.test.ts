import { readFileSync } from 'node:fs';
import t from 'tap';
import { configKeys } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';
import { placeVariables } from '../../src/config/schema.js';
import { rows } from './manual.js';

const manual = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

void t.test(
  'the manual has every key, with its variable, its default and its meaning, and no key besides',
  async (t) => {
    for (const row of rows) t.ok(manual.includes(`${row}\n`), row);
    const described = manual.split('\n').filter((line) => /^\| `[a-z]/.test(line));
    t.equal(described.length, rows.length);
  },
);

void t.test('the manual names every variable that is read, and no other', async (t) => {
  const read = [...Object.keys(placeVariables), ...configKeys.flatMap(({ env }) => env ?? [])];
  const named = new Set(manual.match(/\bWEIR_[A-Z_]*[A-Z]\b/g));
  t.strictSame([...named].sort(), read.sort());
});

void t.test("the manual's example is sound but for the files it names", async (t) => {
  const [, text = ''] = /```yaml\n([^]*?)```/.exec(manual) ?? [];
  const folder = t.testdir({
    store_url: 'postgres://a:b@h/weir',
    digest_key: Buffer.alloc(32).toString('base64'),
  });
  const config = loadConfig({
    file: 'weir.yaml',
    text: text.replaceAll('/run/secrets', folder),
    env: { SHOP_DATABASE_URL: 'postgres://c:d@h/shop' },
  });
  t.equal(config.store.url, 'postgres://a:b@h/weir');
});
