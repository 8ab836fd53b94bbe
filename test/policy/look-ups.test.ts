/** Look-ups and reveals in role files: what is wrong, and what to write instead. */
import t from 'tap';
import { agent, edit, faultsOf } from './policy-files.js';

void t.test(
  'who may look up what it does not see, and sees nothing personal, has a limit on trying out',
  async (t) => {
    const finder = (limits: string) =>
      `role: agent\nabout: a\nowner: o\nfor: people\ntables:\n  orders:\n    find_by: [receiver_phone]\n    see: { order_id: clear }\nlimits: { ${limits} }\n`;
    const told = (limits: string) => faultsOf(t, { 'roles/agent.yaml': finder(limits) });
    t.match(await told('queries: 60 per minute'), [
      /^roles\/agent\.yaml:7:5 agent may look up orders\.receiver_phone without seeing it .* — add one under limits:, for example misses: 10 per day$/,
    ]);
    t.equal(
      (await told('misses: [{limit: 10 per day, scope: s}]')).length,
      1,
      'one for a scope alone is none',
    );
    t.same(await told('misses: 10 per day'), []);
    t.same(await told('lookups: 40 per hour'), []);
  },
);

void t.test(
  'what a role may reveal, and find by the last digits: what is wrong, and what to write',
  async (t) => {
    const told = async (reveal: string, more = 'reason: [call]\nticket: optional\n') =>
      (
        await faultsOf(t, {
          'roles/agent.yaml': edit(agent, '    see:\n', `    reveal: { ${reveal} }\n    see:\n`) + more,
        })
      ).map((fault) => fault.replace(/^roles\/agent\.yaml:/, ''));
    t.same(await told('receiver_phone: 10 per day, address: 1 per hour'), []);
    t.match(await told('receiver_fone: 10 per day'), [
      /^9:15 unknown column "receiver_fone" — write receiver_phone/,
    ]);
    t.match(await told('receiver_phone: 10/d'), [/"10\/d" is not a limit — write 10 per day/]);
    t.match(await told('status: 10 per day'), [/^9:15 status is not about a person/]);
    t.match(await told('order_no: 10 per day'), [/^9:15 order_no is seen in clear already/]);
    t.match(await told('address: 10 per day', ''), [
      /a value is revealed for a reason — add reason: /,
      /a value is revealed for a ticket — add ticket: optional/,
    ]);
    const finds = async (by: string) =>
      faultsOf(t, {
        'roles/agent.yaml': edit(agent, 'find_by: [order_no, receiver_phone]', `find_by: [${by}]`),
      });
    t.same(await finds('{ receiver_phone: last4 }'), []);
    t.match(await finds('{ order_no: last4 }'), [
      /7:17 the catalogue names no column with the last four digits of order_no/,
    ]);
    t.match(await finds('{ receiver_phone: exact }'), [/last4/]);
  },
);
