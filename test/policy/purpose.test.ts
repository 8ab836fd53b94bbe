/** What a read is for: the words of the role file, and nothing that they do not let pass. */
import t from 'tap';
import { purposeOf } from '../../src/policy/purpose.js';
import type { RolePolicy } from '../../src/policy/model.js';
import { agent, edit, faultsOf } from './policy-files.js';

const role = (parts: Partial<RolePolicy>) => parts as RolePolicy;
const ticketed = (pattern?: string, required = true) => role({ ticket: { required, pattern } });

void t.test('a reason is one of the role’s words, byte for byte', async (t) => {
  const asking = role({ reasons: ['call', 'return'] });
  t.match(purposeOf(asking, { reason: 'call' }), { reason: 'call' });
  for (const reason of [undefined, '', 'Call', 'call ', 'call, return', 'constructor', '13812341234'])
    t.throws(
      () => purposeOf(asking, { reason }),
      { code: 'reason-required', hint: /call, return/ },
      String(reason),
    );
});

void t.test('what the role does not ask for is not taken over', async (t) => {
  t.same(purposeOf(role({}), { reason: 'call', ticket: 'CS-1' }), { reason: undefined, ticket: undefined });
  t.same(purposeOf(role({ reasons: ['call'] }), { reason: 'call', ticket: 'CS-1' }), {
    reason: 'call',
    ticket: undefined,
  });
});

void t.test('a ticket is short and printable, and no phone number', async (t) => {
  for (const ticket of ['CS-1042', '7', 'a'.repeat(64), 'x/y#"\\', '138123412345'])
    t.match(purposeOf(ticketed(), { ticket }), { ticket }, ticket);
  const wrong = [
    undefined,
    '',
    'a b',
    'a'.repeat(65),
    '张三',
    'a\n',
    '13812341234',
    '+8613812341234',
    '138-1234-1234',
  ];
  for (const ticket of wrong)
    t.throws(() => purposeOf(ticketed(), { ticket }), { code: 'ticket-required' }, String(ticket));
  t.same(purposeOf(ticketed(undefined, false), {}).ticket, undefined, 'an optional one may be missing');
  t.throws(() => purposeOf(ticketed(undefined, false), { ticket: 'a b' }), { code: 'ticket-required' });
});

void t.test('a pattern says where digits stand, and the whole ticket fits it', async (t) => {
  const pass = (pattern: string, ticket: string) => {
    try {
      return purposeOf(ticketed(pattern), { ticket }).ticket === ticket;
    } catch {
      return false;
    }
  };
  for (const [pattern, ticket] of [
    ['CS-*', 'CS-1'],
    ['CS-###', 'CS-123'],
    ['*-#', 'a-b-c-7'],
    ['*a*a*', 'xaxaax'],
    ['###########', '13812341234'],
  ] as const)
    t.ok(pass(pattern, ticket), `${pattern} ${ticket}`);
  for (const [pattern, ticket] of [
    ['CS-*', 'CS-'],
    ['CS-*', 'xCS-1'],
    ['CS-###', 'CS-12'],
    ['CS-###', 'CS-1234'],
    ['CS-###', 'CS-12x'],
    ['*-#', 'a-b'],
    ['CS.#', 'CSx1'],
  ] as const)
    t.notOk(pass(pattern, ticket), `${pattern} ${ticket}`);
  t.notOk(pass('*a'.repeat(31), 'a'.repeat(61) + 'b'), 'and a nasty one takes no time');
});

void t.test('reason and ticket in a role file: what is wrong, and what to write', async (t) => {
  const told = async (line: string) =>
    (
      await faultsOf(t, { 'roles/agent.yaml': edit(agent, 'per_request: 50', `per_request: 50\n${line}`) })
    ).map((fault) => fault.replace(/^roles\/agent\.yaml:/, ''));
  t.same(await told('reason: [call, return]\nticket: optional'), []);
  t.same(await told('ticket: { need: required, pattern: CS-## }'), []);
  t.match(await told('reason: call'), [/^17:9 reason must be a list, not text — write \[call\]/]);
  t.match(await told('reason: [Call me]'), [
    /^17:10 an item of reason cannot be "Call me" — write a word of small letters/,
  ]);
  t.match(await told('ticket: yes'), [/^17:9 ticket .*required/]);
  t.match(await told('ticket: { need: required, pattern: CS }'), [
    /lets only one ticket pass — write # for a digit/,
  ]);
});
