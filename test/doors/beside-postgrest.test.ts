/** docs/rest.md compares with PostgREST line by line: each line is asked of a whole gateway, and true. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { startGateway } from '../support/gateway.js';

const page = await readFile(new URL('../../docs/rest.md', import.meta.url), 'utf8');
const table = page.slice(page.indexOf('## Beside PostgREST'));
const lines = [
  ...table.matchAll(/^\| (.+) \| `([^`]+)`(?: `([^`]+): ([^`]+)`)? \| (works|`[A-Z0-9]+`)(.*) \|$/gm),
];
const said = table.split('\n').filter((line) => line.startsWith('| ')).length - 1;

void t.test('every line of the comparison with PostgREST is so', async (t) => {
  t.equal(lines.length, said, 'every line is of the form that is asked');
  t.ok(said > 50, `${said} lines`);
  const gateway = await startGateway(t);
  const token = await gateway.token({ role: 'analyst', sub: 'zhou' });
  for (const [, feature = '', example = '', name, value = '', outcome = ''] of lines) {
    const [, method = 'GET', address = ''] = /^(?:([A-Z]+) )?(.*)$/.exec(example)!;
    const response = await fetch(encodeURI(`${gateway.address}/rest/${address === '/' ? '' : address}`), {
      method,
      headers: { authorization: `Bearer ${token}`, ...(name === undefined ? {} : { [name]: value }) },
    });
    const text = await response.text();
    const label = `${feature}: ${example}`;
    if (outcome === 'works') {
      t.ok(response.status < 300, `${label} ${response.status < 300 ? '' : text}`);
      if (method === 'GET') t.ok(text.length > 2, `${label}: there are rows`);
      continue;
    }
    t.match(JSON.parse(text), { code: outcome.slice(1, -1), message: /\w/ }, label);
    t.ok(response.status >= 400, label);
  }
});
