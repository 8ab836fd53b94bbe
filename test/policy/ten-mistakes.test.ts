/**
 * The ten mistakes that people make with policy files, made in the example set: each is told with file, line,
 * column and what to write instead.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t, { type Test } from 'tap';
import { weir } from '../cli/weir-process.js';
import { gatewayConfig, policiesDirectory } from '../support/gateway.js';

const agent = 'roles/support-agent.yaml';
const { config } = await gatewayConfig(t);
const configFile = path.join(t.testdir({ 'weir.yaml': JSON.stringify(config) }), 'weir.yaml');

interface Mistake {
  readonly title: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Of the text that is wrong: where it stands in the file as written. */
  readonly at: string;
  readonly told: string;
  readonly verb?: readonly string[];
}

const check = ['policy', 'check', '--dir', 'policies'];

const mistakes: readonly Mistake[] = [
  {
    title: 'a mistyped column',
    file: agent,
    from: '      receiver_name: surname # 张**',
    to: '      reciever_name: surname # 张**',
    at: 'reciever_name: surname # 张**',
    told: 'unknown column "reciever_name" — write receiver_name',
  },
  {
    title: 'a tab',
    file: agent,
    from: '      status: clear\n      created_at',
    to: '\tstatus: clear\n      created_at',
    at: '\tstatus',
    told: 'a tab indents this line — write spaces, two a level',
  },
  {
    title: 'a column twice',
    file: agent,
    from: '      address: district # ',
    to: '      receiver_phone: middle\n      address: district # ',
    at: 'receiver_phone: middle',
    told: '"receiver_phone" stands twice, first in line LINE-1 — keep one of the two',
  },
  {
    title: 'the wrong kind of mask',
    file: agent,
    from: 'receiver_phone: last4 # ****1234',
    to: 'receiver_phone: district # ****1234',
    at: 'district # ****',
    told: 'mask "district" does not suit receiver_phone, which is of class phone — write clear, ',
  },
  {
    title: 'a limit in shorthand',
    file: agent,
    from: '[500 per day,',
    to: '[500/d,',
    at: '500/d',
    told: '"500/d" is not a limit — write 500 per day',
  },
  {
    title: 'a loosening',
    file: agent,
    from: 'address: district # 浙',
    to: 'address: clear # 浙',
    at: 'clear # 浙',
    told: 'support-agent sees orders.address as clear instead of district — write district',
    verb: ['policy', 'diff', '--dir', 'policies', '--against', policiesDirectory],
  },
  {
    title: 'a claim that no token carries',
    file: agent,
    from: 'claim.region } # orders',
    to: 'claim.regoin } # orders',
    at: 'claim.regoin',
    told: 'no token carries the claim "regoin", so the role would never see a row — write claim.region',
  },
  {
    title: 'a look-up without an index',
    file: 'catalog.yaml',
    from: 'email: email',
    to: 'email: { class: email, lookup: [exact] }',
    at: 'exact] }\n      region',
    told: 'the look-up of email needs an index on email, and there is none — create an index on shop.customers (email), or remove the look-up',
    verb: [...check, '--database'],
  },
  {
    title: 'per_request above a limit',
    file: agent,
    from: 'per_request: 50 ',
    to: 'per_request: 50000 ',
    at: '50000',
    told: 'one request may read 50000 rows, more than the limit of 20000 records per day — write 20000 or less',
  },
  {
    title: 'a file and its role with different names',
    file: agent,
    from: 'role: support-agent\n',
    to: 'role: support\n',
    at: 'support\n',
    told: 'the file is called support-agent.yaml and the role "support" — write role: support-agent, or rename the file to support.yaml',
  },
];

for (const { title, file, from, to, at, told, verb = check } of mistakes) {
  void t.test(`${title} is told with line, column and what to write instead`, async (t) => {
    const { cwd, text } = exampleWith(t, file, from, to);
    const before = text.slice(0, text.indexOf(at));
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    const { code, out } = await weir([...verb, '--config', configFile], { cwd });
    t.equal(code, 1);
    const expected = told.replace('LINE-1', String(line - 1));
    const [first = ''] = out.split('\n');
    t.equal(
      first.slice(0, `policies/${file}:${line}:${column} ${expected}`.length),
      `policies/${file}:${line}:${column} ${expected}`,
    );
  });
}

function exampleWith(t: Test, file: string, from: string, to: string): { cwd: string; text: string } {
  const cwd = t.testdir({});
  cpSync(policiesDirectory, path.join(cwd, 'policies'), { recursive: true });
  const name = path.join(cwd, 'policies', file);
  const before = readFileSync(name, 'utf8');
  if (before.split(from).length !== 2) throw new Error(`"${from}" does not stand in ${file} once`);
  const text = before.replace(from, () => to);
  writeFileSync(name, text);
  return { cwd, text };
}
