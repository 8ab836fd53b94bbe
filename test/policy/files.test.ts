import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { formatFaults, PolicyFaults } from '../../src/policy/faults.js';
import { loadKept, loadPolicies } from '../../src/policy/load.js';
import { agent, alerts, catalog, edit, faultsOf, writeSet, type Files } from './policy-files.js';

/** What becomes of the set when roles/agent.yaml holds this. */
const asRole: readonly (readonly [title: string, text: string | Uint8Array, faults: readonly string[]])[] = [
  ['an empty file', '', ['1:1 the file is empty — write the file, or remove it']],
  ['a file of comments only', '# later\n\n', ['1:1 the file is empty — write the file, or remove it']],
  ['a list', '- a\n- b\n', ['1:1 the file is not a mapping — write lines of the form key: value']],
  ['a sentence', 'not yet\n', ['1:1 the file is not a mapping — write lines of the form key: value']],
  [
    'a tab',
    edit(agent, '      status: clear', '\tstatus: clear'),
    ['12:1 a tab indents this line — write spaces, two a level'],
  ],
  [
    'a tab after spaces',
    edit(agent, '      status: clear', '   \t  status: clear'),
    ['12:4 a tab indents this line — write spaces, two a level'],
  ],
  [
    'tabs in several lines',
    agent.replaceAll('      ', '\t'),
    ['10', '11', '12', '13', '14', '15'].map(
      (line) => `${line}:1 a tab indents this line — write spaces, two a level`,
    ),
  ],
  [
    'a second document',
    `${agent}---\nrole: other\n`,
    ['20:1 a second document begins here — remove the ---; one file holds one document'],
  ],
  [
    'a colon inside a text',
    edit(agent, "about: Answers one customer's call at a time", 'about: Answers calls: one at a time'),
    [
      '2:8 a second colon stands in this line — put the text in quotes, or the inner mapping on lines of its own',
    ],
  ],
  [
    'a line that is out of line',
    edit(agent, '      status: clear', '     status: clear'),
    ['12:1 the indentation does not fit — align this line with its neighbours; two spaces a level'],
  ],
  [
    'an anchor',
    edit(agent, 'find_by: [', 'find_by: &columns ['),
    ['7:23 anchors are not allowed here — remove &columns and write each value out'],
  ],
  [
    'an alias',
    edit(
      edit(agent, 'owner: customer-care', 'owner: &o customer-care'),
      "about: Answers one customer's call at a time",
      'about: *o',
    ),
    [
      '2:8 aliases are not allowed here — ',
      '3:11 anchors are not allowed here — remove &o and write each value out',
    ],
  ],
  [
    'a merge key',
    edit(agent, '    see:\n', '    see:\n      <<: { order_id: clear }\n'),
    ['10:7 "mask" is missing from << — ', '10:7 unknown column "<<" — ', '10:13 unknown key "order_id" — '],
  ],
  [
    'a tag',
    edit(agent, 'per_request: 50', 'per_request: !!int "50"'),
    ['16:20 tags are not allowed here — remove the tag; put text in quotes if it must stay text'],
  ],
  [
    'a tag of a program',
    edit(agent, 'owner: customer-care', 'owner: !!js/function "x"'),
    ['3:22 tags are not allowed here — remove the tag; put text in quotes if it must stay text'],
  ],
  [
    'a directive for YAML 1.1',
    `%YAML 1.1\n---\n${agent}`,
    ['1:1 a %YAML directive asks for another version — remove the line: policy files are YAML 1.2'],
  ],
  [
    'a number as a key',
    edit(agent, '      status: clear', '      2024: clear'),
    ['12:7 a key must be text — write "2024" in quotes'],
  ],
  [
    'a mapping as a key',
    edit(agent, '      status: clear', '      ? { a: b }\n      : clear'),
    ['12:9 a key must be text — write a plain name before the colon'],
  ],
  [
    'a key of JavaScript',
    edit(agent, '      status: clear', '      __proto__: clear\n      constructor: clear'),
    ['12:7 unknown column "__proto__" — ', '13:7 unknown column "constructor" — '],
  ],
  [
    'deep nesting',
    `a: ${'['.repeat(20)}${']'.repeat(20)}\n${agent}`,
    [
      '1:1 unknown key "a" — ',
      '1:20 the file is nested too deeply — a policy file needs no more than six levels',
    ],
  ],
  [
    'nesting that overflows a parser',
    `a: ${'['.repeat(20_000)}`,
    ['the file is nested too deeply — a policy file needs no more than six levels'],
  ],
  ...(
    [
      ['a carriage return that hides a line behind a comment', '# wider\rper_request: 500', '16:8', '000D'],
      ['text that is turned round', 'per_request: 500 # \u202e05', '16:20', '202E'],
      ['text that is kept apart from its line', 'per_request: 500 # \u2066x\u2069', '16:20', '2066'],
      ['a space without width', 'per_request: 50 # a\u200bb', '16:20', '200B'],
      ['a soft hyphen', 'per_request: 50 # a\u00adb', '16:20', '00AD'],
      ['a line separator', 'per_request: 50 # a\u2028only: {}', '16:20', '2028'],
      ['a next line of other machines', 'per_request: 50 # a\u0085only: {}', '16:20', '0085'],
      ['a NUL', 'per_request: 50 # a\0b', '16:20', '0000'],
      ['an escape for terminals', 'per_request: 50 # a\u001b[1Ab', '16:20', '001B'],
      ['a second byte order mark', '\ufeffper_request: 50', '16:1', 'FEFF'],
      ['letters of a tag', 'per_request: 50 # a\u{e0041}', '16:20', 'E0041'],
    ] as const
  ).map(([title, line, at, code]): [string, string, string[]] => [
    title,
    edit(agent, 'per_request: 50', line),
    [
      `${at} a character that cannot be seen stands here (U+${code}) — delete it: what a reviewer reads is what counts`,
    ],
  ]),
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from('role: agent\nabout: '), Buffer.from([0xff, 0xfe])]),
    ['2:1 this line is not UTF-8 — save the file as UTF-8'],
  ],
  ['more than 1 MB', `${agent}#${'x'.repeat(1_000_000)}`, ['1:1 the file holds 1000']],
];

for (const [title, text, expected] of asRole) {
  void t.test(`a role file with ${title} is refused at its place`, async (t) => {
    const faults = await faultsOf(t, { 'roles/agent.yaml': text });
    t.equal(faults.length, expected.length, faults.join('\n'));
    for (const [index, fault] of expected.entries()) {
      const wanted = /^\d/.test(fault) ? `roles/agent.yaml:${fault}` : fault;
      t.ok(faults[index]?.includes(wanted), `${faults[index]} / ${wanted}`);
    }
  });
}

void t.test('an alias bomb costs one fault for each anchor and alias, and no memory', async (t) => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level++) {
    bomb.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  const before = process.memoryUsage().heapUsed;
  const faults = await faultsOf(t, { 'roles/agent.yaml': `${bomb.join('\n')}\n` });
  t.equal(faults.filter((fault) => fault.includes('anchors are not allowed')).length, 9);
  t.equal(faults.filter((fault) => fault.includes('aliases are not allowed')).length, 72);
  t.ok(process.memoryUsage().heapUsed - before < 50_000_000);
});

void t.test('files that would be overlooked are told', async (t) => {
  t.strictSame(await faultsOf(t, { 'roles/packer.yml': agent }), [
    'roles/packer.yml:1:1 this file would be overlooked — rename it to packer.yaml, or move it away',
  ]);
  t.strictSame(await faultsOf(t, { 'roles/packer.YAML': agent }), [
    'roles/packer.YAML:1:1 this file would be overlooked — rename it to packer.yaml, or move it away',
  ]);
  t.strictSame(
    await faultsOf(t, { 'roles/.agent.yaml.swp': 'x', 'roles/._agent.yaml': 'x', 'roles/README.md': 'x' }),
    [],
  );
});

void t.test(
  'a masked column with a look-up by its last digits only cannot be found by its whole value',
  async (t) => {
    const faults = await faultsOf(t, { 'catalog.yaml': edit(catalog, '[exact, { last4', '[{ last4') });
    t.equal(faults.length, 1);
    t.match(
      faults[0],
      /^roles\/agent\.yaml:7:25 receiver_phone is not seen in clear and the catalogue declares no exact/,
    );
  },
);

void t.test('a row filter takes any text that does not look like a claim', async (t) => {
  for (const text of [
    'to_ship',
    'claim-open',
    'claimed',
    '"1"',
    '华东',
    'claim.https://shop.example/region',
  ]) {
    t.strictSame(await faultsOf(t, { 'roles/agent.yaml': edit(agent, 'claim.region', text) }), [], text);
  }
});

void t.test('files that are not there are told', async (t) => {
  t.strictSame(await faultsOf(t, { 'catalog.yaml': undefined, 'alerts.yaml': undefined }), [
    'alerts.yaml:1:1 the file cannot be read (ENOENT) — add the file alerts.yaml',
    'catalog.yaml:1:1 the file cannot be read (ENOENT) — add the file catalog.yaml',
  ]);
  const nowhere = path.join(await writeSet(t), 'nowhere');
  await t.rejects(loadPolicies(nowhere), { name: 'PolicyFaults', message: '3 faults in the policy files' });
});

void t.test('a set without roles is refused', async (t) => {
  const faults = await faultsOf(t, {
    'roles/agent.yaml': undefined,
    'alerts.yaml': alerts.slice(0, alerts.indexOf('roles:')),
  });
  t.strictSame(faults, [
    'roles:1:1 there is no role — add a file for each role, for example support-agent.yaml',
  ]);
});

void t.test('a byte order mark, line ends of Windows and pictures in a comment change nothing', async (t) => {
  const digest = async (text: string) =>
    (await loadPolicies(await writeSet(t, { 'roles/agent.yaml': text }))).set.digest;
  const plain = await digest(agent);
  t.equal(await digest(`\ufeff${agent}`), plain);
  t.equal(await digest(agent.replaceAll('\n', '\r\n')), plain);
  t.equal(await digest(`${agent}# 👩\u200d🔧 张\n`), plain);
});

void t.test('what is no file is told, and keeps nobody waiting', async (t) => {
  const directory = await writeSet(t);
  await mkdir(path.join(directory, 'roles', 'folder.yaml'));
  await promisify(execFile)('mkfifo', [path.join(directory, 'roles', 'pipe.yaml')]);
  const faults = await loadPolicies(directory).then(
    () => [],
    (error: PolicyFaults) => error.faults,
  );
  t.strictSame(
    faults.map(({ file, message }) => `${path.basename(file)} ${message}`),
    ['folder.yaml this is no file', 'pipe.yaml this is no file'],
  );
});

void t.test(
  'a set from before that holds what cannot be seen can still be read from the record',
  async (t) => {
    const { content } = await loadPolicies(await writeSet(t));
    const turned = content.replace('customer-care', 'customer\u202ecare\u{e0041}');
    t.equal(loadKept('d', turned).set.roles.get('agent')?.owner, 'customer\u202ecare\u{e0041}');
  },
);

void t.test('files that a container mounts as links are read like any other', async (t) => {
  const directory = await writeSet(t, { 'roles/agent.yaml': undefined });
  await mkdir(path.join(directory, 'roles', '..data'));
  await writeFile(path.join(directory, 'roles', '..data', 'agent.yaml'), agent);
  await symlink(path.join('..data', 'agent.yaml'), path.join(directory, 'roles', 'agent.yaml'));
  const { set } = await loadPolicies(directory);
  t.strictSame([...set.roles.keys()], ['agent']);
});

void t.test('a role for services sees nothing personal in clear', async (t) => {
  const service = edit(
    edit(agent, 'for: people', 'for: services\nhours: always\nnetworks: [10.0.0.0/8]'),
    'address: district',
    'address: clear\n      remark: clear',
  );
  t.strictSame(await faultsOf(t, { 'roles/agent.yaml': service }), [
    'roles/agent.yaml:13:17 a role for services sees nothing personal in clear, and order_no is of class order-number — write order-number, {mask: partial, first: 2, last: 4}, token, "null" or hidden',
    'roles/agent.yaml:17:16 a role for services sees nothing personal in clear, and address is of class address — write province, city, district, token, "null" or hidden',
    'roles/agent.yaml:18:15 a role for services sees nothing personal in clear, and remark is of class free-text — write scrub, "null" or hidden',
  ]);
});

void t.test(
  'a column that the catalogue does not list cannot be shown, whatever the order database has',
  async (t) => {
    const shows = edit(agent, 'status: clear', 'receiver_phone_last4: clear');
    t.match(await faultsOf(t, { 'roles/agent.yaml': shows }), [
      /^roles\/agent\.yaml:12:7 unknown column "receiver_phone_last4"/,
    ]);
  },
);

void t.test('every fault of every file is told at once, sorted, and none twice', async (t) => {
  const broken: Files = {
    'catalog.yaml': edit(
      edit(catalog, 'address: address', 'address: adress'),
      'shipments:\n    from',
      'shipments:\n    form',
    ),
    'alerts.yaml': edit(alerts, 'consecutive: 20', 'consecutive: often'),
    'roles/agent.yaml': edit(
      edit(agent, 'receiver_name: surname', 'reciever_name: surname'),
      'per_request: 50',
      'per_request: fifty',
    ),
    'roles/packer.yaml': edit(agent, 'receiver_phone: last4', 'receiver_phone: city'),
    'roles/tabbed.yaml': '\trole: tabbed\n',
  };
  t.strictSame(await faultsOf(t, broken), [
    'alerts.yaml:9:16 consecutive cannot be "often" — write a whole number from 2, or off',
    'catalog.yaml:13:16 address cannot be "adress" — write address',
    'catalog.yaml:17:3 "from" is missing from shipments — write from: schema.table, for example shop.orders',
    'catalog.yaml:18:5 unknown key "form" — write from',
    'roles/agent.yaml:13:7 unknown column "reciever_name" — write receiver_name',
    'roles/agent.yaml:16:14 per_request must be a whole number, not text — write a whole number of rows from 1, for example 50',
    'roles/packer.yaml:1:7 the file is called packer.yaml and the role "agent" — write role: packer, or rename the file to agent.yaml',
    'roles/packer.yaml:14:23 mask "city" does not suit receiver_phone, which is of class phone — write clear, last4, middle, {mask: phone, first: 3, last: 4}, token, "null" or hidden',
    'roles/tabbed.yaml:1:1 a tab indents this line — write spaces, two a level',
  ]);
});

void t.test('where the catalogue cannot be read, the roles are still checked for themselves', async (t) => {
  const faults = await faultsOf(t, {
    'catalog.yaml': 'version: 1\ntables: [\n',
    'roles/agent.yaml': edit(agent, 'queries: 60 per minute', 'queries: 60/min'),
  });
  t.equal(faults.length, 2);
  t.match(faults[0], /^catalog\.yaml:3:1 a bracket is still open here — close it with \]/);
  t.equal(faults[1], 'roles/agent.yaml:18:12 "60/min" is not a limit — write 60 per minute');
});

void t.test('faults are values that cannot be changed, and print as file:line:column', async (t) => {
  const directory = await writeSet(t, {
    'roles/agent.yaml': edit(agent, 'order_id: clear', 'orderid: clear'),
  });
  const error = await loadPolicies(directory).catch((thrown: unknown) => thrown);
  if (!(error instanceof PolicyFaults)) return t.fail('no faults');
  t.equal(error.message, '1 fault in the policy files');
  t.ok(Object.isFrozen(error.faults));
  const file = path.join(directory, 'roles', 'agent.yaml');
  t.strictSame(error.faults, [
    { file, line: 10, column: 7, message: 'unknown column "orderid"', hint: 'write order_id' },
  ]);
  t.equal(formatFaults(error.faults), `${file}:10:7 unknown column "orderid" — write order_id`);
});
