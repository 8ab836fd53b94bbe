/** The log as it was written holds together; falsified in whatever way, the entry is named. */
import pg from 'pg';
import t from 'tap';
import type { EntryBody } from '../../src/log/entry.js';
import type { Fault } from '../../src/log/verify-faults.js';
import type { Verification } from '../../src/log/verify.js';
import { zone } from './open-log.js';
import { forge, sampleLog, verify, type Mutable } from './verify-sample.js';

const root = t;
type Asserts = Pick<typeof t, 'equal' | 'match'>;

/** The first fault names this entry and says this. */
function firstFault(
  t: Asserts,
  found: Verification,
  entry: string | undefined,
  kind: Fault['kind'],
  what: RegExp,
): void {
  t.equal(found.ok, false);
  t.match(
    found.faults[0],
    { kind, what },
    found.faults.map((fault) => `${fault.entry} ${fault.what}`).join('\n'),
  );
  t.equal(found.faults[0]?.entry, entry, 'it names the entry');
}

void t.test('a log that nobody has touched holds, for the runtime role and for the owner', async (t) => {
  const { store } = await sampleLog(root);
  const expected = {
    ok: true,
    faultCount: 0,
    faults: [],
    notes: [],
    entries: 15,
    writers: 2,
    meters: 2,
    lists: 8,
    records: 12,
  };
  t.match(await verify(store), {
    ...expected,
    policySets: 1,
    kinds: { open: 2, read: 9, refusal: 1, admin: 1, close: 2 },
  });
  t.match(await verify(store, { source: { url: store.ownerUrl } }), expected);
  const pool = new pg.Pool({ connectionString: store.runtimeUrl, max: 2 });
  t.match(await verify(store, { source: { pool } }), expected);
  t.equal(pool.idleCount, 2, 'it gives the connections of the pool back');
  await pool.end();
});

void t.test('an empty log holds', async (t) => {
  const { store } = await sampleLog(root);
  const later = { sinceMicros: Date.now() * 1000 + 1e9 };
  t.match(await verify(store, later), { ok: true, entries: 0, firstAtMicros: undefined });
});

void t.test('a gateway that is still writing, or was killed, is no fault', async (t) => {
  const sample = await sampleLog(root);
  // Without its closing entry a writer looks like one that was killed.
  const found = await forge(sample, (forger) => forger.remove(`${sample.second}/3`));
  t.match(found, { ok: true, entries: 14 });
});

void t.test('an entry removed from the middle is named', async (t) => {
  const sample = await sampleLog(root);
  const gone = sample.read(sample.li, 2);
  const found = await forge(sample, (forger) => forger.remove(gone));
  firstFault(t, found, gone, 'order', /^it is missing$/);
  t.match(found.faults[1], {
    entry: sample.read(sample.li, 3),
    what: /is charge 3 of its meter, but charge 2 cannot be found/,
  });
  t.ok(
    found.faults.some(({ kind, entry }) => kind === 'digests' && entry === gone),
    'its list is told of as well',
  );
});

void t.test('a stretch of entries removed is told as one', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, async (forger) => {
    for (const number of [5, 6, 7]) await forger.remove(`${sample.first}/${number}`);
  });
  firstFault(t, found, `${sample.first}/5`, 'order', /^it is missing, and with it all up to 7$/);
});

void t.test('a tail cut off is told by the meters, whoever wrote it', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, async (forger) => {
    for (const entry of [sample.read(sample.li, 5), `${sample.first}/12`]) {
      await forger.remove(entry);
      await forger.removeList(entry);
    }
  });
  t.equal(found.faultCount, 1);
  firstFault(t, found, sample.read(sample.li, 4), 'meter', /number 4; the stored meter says 5 charges/);
});

void t.test('everything that one writer wrote removed is told by the meters', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, async (forger) => {
    for (const number of [1, 2, 3]) {
      await forger.remove(`${sample.second}/${number}`);
      await forger.removeList(`${sample.second}/${number}`);
    }
  });
  firstFault(t, found, sample.read(sample.wang, 3), 'meter', /number 3; the stored meter says 4/);
  t.match(found.notes, [/1 writer\(s\) left no entry/]);
});

void t.test('all entries removed are told by the meters', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, (forger) => forger.run('TRUNCATE weir.entries, weir.read_digests'));
  t.match(found, { ok: false, entries: 0, faultCount: 2 });
  firstFault(t, found, undefined, 'meter', /5 charges, the log holds none/);
});

void t.test(
  'a charged entry removed and the rest renumbered is told by the charge that is missing',
  async (t) => {
    const sample = await sampleLog(root);
    const found = await forge(sample, (forger) => forger.removeAndRenumber(sample.read(sample.li, 2)));
    const next = sample.bodyOf(sample.read(sample.li, 3));
    firstFault(
      t,
      found,
      `${next.writer}/${next.number - 1}`,
      'charge',
      /is charge 3 of its meter, but charge 2 cannot be found/,
    );
    t.equal(found.faultCount, 1);
  },
);

void t.test('charges renumbered as well are told by the stored meter', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, async (forger) => {
    await forger.removeAndRenumber(sample.read(sample.li, 3));
    for (const nth of [4, 5]) {
      const { writer, number } = sample.bodyOf(sample.read(sample.li, nth));
      await forger.change(`${writer}/${number - 1}`, (body) => body.charge.sequence--);
    }
  });
  const last = sample.bodyOf(sample.read(sample.li, 5));
  firstFault(t, found, `${last.writer}/${last.number - 1}`, 'meter', /number 4; the stored meter says 5/);
});

void t.test('amounts that are not what the read costs are named', async (t) => {
  const changes: [string, RegExp, (amounts: Mutable) => void][] = [
    ['fewer records', /counts other records/, (amounts) => amounts.records--],
    ['no query', /one query/, (amounts) => delete amounts.queries],
    ['fewer people', /are not those of its digest list/, (amounts) => (amounts.people = [1])],
    ['people said to return', /are not those|cannot follow/, (amounts) => (amounts.people = [0, [20000, 2]])],
    ['more people than records', /more people than records/, (amounts) => (amounts.people = [9])],
    ['a miss', /one miss/, (amounts) => (amounts.misses = 1)],
    ['reveals', /revealed/, (amounts) => (amounts.reveals = 1)],
    ['fills', /filled/, (amounts) => (amounts.fills = 1)],
  ];
  for (const [name, what, edit] of changes) {
    await t.test(name, async (t) => {
      const sample = await sampleLog(root);
      const entry = sample.read(sample.wang, 2);
      const found = await forge(sample, (forger) =>
        forger.change(entry, (body) => edit(body.charge.amounts)),
      );
      firstFault(t, found, entry, 'charge', what);
    });
  }
});

void t.test('an amount that nothing on the log contradicts is told by the stored meter', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, (forger) =>
    forger.change(sample.read(sample.li, 2), (body) => (body.charge.amounts.bytes = 1)),
  );
  firstFault(t, found, sample.read(sample.li, 5), 'meter', /holds other amounts than its charges add up to/);
});

void t.test('a read released over its limit is named', async (t) => {
  const sample = await sampleLog(root);
  const entry = sample.read(sample.li, 4);
  const found = await forge(sample, (forger) => forger.change(entry, (body) => (body.limits[0][2] = 5)));
  firstFault(t, found, entry, 'limit', /used up: 4 and 2 more make more than 5 records per day/);
  t.equal(found.faultCount, 1);
});

void t.test(
  'a forged release over the limit is found although numbers, charges, lists and meter agree',
  async (t) => {
    const sample = await sampleLog(root);
    const last = sample.read(sample.li, 5);
    const found = await forge(sample, async (forger) => {
      // 30 more of the same record, as a gateway without limits would have written it.
      const records = '0102030405060708'.repeat(30);
      const subjects = '0000000000000000'.repeat(30);
      await forger.change(last, (body) => {
        body.read.records = 30;
        body.charge.amounts = { ...body.charge.amounts, records: 30 };
        delete body.charge.amounts.people;
      });
      await forger.run(
        `UPDATE weir.read_digests SET records = decode($3, 'hex'), subjects = decode($4, 'hex') WHERE writer = $1 AND number = $2`,
        ...last.split('/'),
        records,
        subjects,
      );
      await forger.run(
        `UPDATE weir.entries AS e SET body = replace(body, e.body::jsonb->'read'->>'digests', encode(sha256(d.records || d.subjects), 'hex'))
         FROM weir.read_digests AS d WHERE d.writer = e.writer AND d.number = e.number AND e.writer = $1 AND e.number = $2`,
        ...last.split('/'),
      );
    });
    firstFault(t, found, last, 'limit', /6 and 30 more make more than 20 records per day/);
  },
);

void t.test('digest lists that are not those of the entry are named', async (t) => {
  await t.test('two lists swapped', async (t) => {
    const sample = await sampleLog(root);
    const [a, b] = [sample.read(sample.li, 1), sample.read(sample.wang, 1)];
    const found = await forge(sample, async (forger) => {
      const move = 'UPDATE weir.read_digests SET number = $3 WHERE writer = $1 AND number = $2';
      const [[writer, one], [, two]] = [a.split('/'), b.split('/')] as [[string, string], [string, string]];
      await forger.run(move, writer, one, 1_000);
      await forger.run(move, writer, two, one);
      await forger.run(move, writer, 1_000, two);
    });
    firstFault(t, found, a, 'digests', /another SHA-256/);
    t.match(found, { faultCount: 2, faults: [{}, { entry: b, kind: 'digests' }] });
  });
  const changes: [string, RegExp, string][] = [
    [
      'another record',
      /another SHA-256/,
      `UPDATE weir.read_digests SET records = set_byte(records, 3, 255 - get_byte(records, 3))`,
    ],
    [
      'another person',
      /another SHA-256/,
      `UPDATE weir.read_digests SET subjects = set_byte(subjects, 3, 255 - get_byte(subjects, 3))`,
    ],
    [
      'a boundary moved',
      /another number of records/,
      `UPDATE weir.read_digests SET records = records || substring(subjects FOR 8), subjects = substring(subjects FROM 9)`,
    ],
    ['removed', /its digest list is missing/, 'DELETE FROM weir.read_digests'],
  ];
  for (const [name, what, sql] of changes) {
    await t.test(name, async (t) => {
      const sample = await sampleLog(root);
      const entry = sample.read(sample.li, 2);
      const found = await forge(sample, (forger) =>
        forger.run(`${sql} WHERE writer = $1 AND number = $2`, ...entry.split('/')),
      );
      firstFault(t, found, entry, 'digests', what);
      t.equal(found.faultCount, 1);
    });
  }
  await t.test('a list beside an entry that read nothing', async (t) => {
    const sample = await sampleLog(root);
    const entry = sample.read(sample.li, 3);
    const found = await forge(sample, (forger) =>
      forger.run(
        `INSERT INTO weir.read_digests VALUES ($1, $2, '\\x0102030405060708', '\\x0102030405060708')`,
        ...entry.split('/'),
      ),
    );
    firstFault(t, found, entry, 'digests', /though it read nothing/);
  });
  await t.test('lists without an entry', async (t) => {
    const sample = await sampleLog(root);
    const found = await forge(sample, (forger) =>
      forger.run(
        `INSERT INTO weir.read_digests SELECT $1, n, '\\x', '\\x' FROM generate_series(100, 129) AS n`,
        sample.first,
      ),
    );
    firstFault(t, found, `${sample.first}/100`, 'digests', /but the entry does not/);
    t.match(found, { faultCount: 30, faults: { length: 20 } });
  });
});

void t.test('a time that was changed is named by the entry that has it', async (t) => {
  const at = (body: EntryBody | undefined): number => body!.at;
  await t.test('moved to later', async (t) => {
    const sample = await sampleLog(root);
    const [entry, after] = [sample.read(sample.wang, 1), sample.bodyOf(sample.read(sample.li, 4))];
    const found = await forge(sample, (forger) => forger.change(entry, (body) => (body.at = at(after) + 1)));
    firstFault(
      t,
      found,
      entry,
      'order',
      /its time lies after that of entry \d+, which its writer wrote later/,
    );
  });
  await t.test('moved to earlier', async (t) => {
    const sample = await sampleLog(root);
    const [entry, before] = [sample.read(sample.li, 4), sample.bodyOf(sample.read(sample.li, 1))];
    const found = await forge(sample, (forger) => forger.change(entry, (body) => (body.at = at(before) - 1)));
    firstFault(
      t,
      found,
      entry,
      'order',
      /its time lies before that of entry \d+, which its writer wrote earlier/,
    );
  });
  await t.test('the same as that of its neighbour', async (t) => {
    const sample = await sampleLog(root);
    const neighbour = sample.bodyOf(sample.read(sample.li, 2));
    const found = await forge(sample, (forger) =>
      forger.change(`${neighbour.writer}/${neighbour.number + 1}`, (body) => (body.at = neighbour.at)),
    );
    firstFault(
      t,
      found,
      `${neighbour.writer}/${neighbour.number + 1}`,
      'order',
      /its time is that of another entry/,
    );
  });
  await t.test('the day', async (t) => {
    const sample = await sampleLog(root);
    const entry = sample.read(sample.li, 5);
    const found = await forge(sample, (forger) => forger.change(entry, (body) => body.charge.day++));
    firstFault(t, found, entry, 'charge', /is not the date of its time in the zone of its writer/);
  });
  await t.test('the zone', async (t) => {
    const sample = await sampleLog(root);
    const found = await forge(sample, (forger) =>
      forger.change(`${sample.first}/1`, (body) => (body.zone = 'Mars/Olympus')),
    );
    firstFault(t, found, `${sample.first}/1`, 'body', /its "zone" is not known/);
  });
});

void t.test('a column that says otherwise than the body is named', async (t) => {
  const changes: [string, string][] = [
    ['writer', `writer = gen_random_uuid()`],
    ['number', 'number = number + 1000'],
    ['at', 'at = at + 1'],
    ['actor_id', 'actor_id = gen_random_uuid()'],
    ['flagged', 'flagged = NOT flagged'],
  ];
  for (const [column, sql] of changes) {
    await t.test(column, async (t) => {
      const sample = await sampleLog(root);
      const entry = sample.read(sample.wang, 2);
      const found = await forge(sample, (forger) =>
        forger.run(`UPDATE weir.entries SET ${sql} WHERE writer = $1 AND number = $2`, ...entry.split('/')),
      );
      t.ok(
        found.faults.some(({ what }) => what === `its column "${column}" differs from its body`),
        'it says so',
      );
      if (column !== 'writer' && column !== 'number') t.equal(found.faults[0]?.entry, entry);
    });
  }
});

void t.test('a body that no gateway writes is named', async (t) => {
  const texts: [string, RegExp, (text: string) => string][] = [
    ['no JSON', /not JSON$/, (text) => text.slice(0, -1)],
    ['no object', /not a JSON object/, () => '[]'],
    ['another version', /version is not known/, (text) => text.replace('"v":1', '"v":2')],
    ['an unknown kind', /kind is not known/, (text) => text.replace('"kind":"read"', '"kind":"glance"')],
    ['a member too many', /a member that no read entry has/, (text) => text.replace('"v":1', '"v":1,"w":1')],
    ['a member too few', /its "tool" is missing/, (text) => text.replace('"tool":"desk",', '')],
    [
      'a member of a member too many',
      /its "read" has a member/,
      (text) => text.replace('"part":', '"x":1,"part":'),
    ],
    ['a member twice', /not written as a gateway writes it/, (text) => text.replace('"v":1', '"v":1,"v":1')],
    ['white space', /not written as a gateway writes it/, (text) => text.replace(',', ', ')],
    [
      'a number in quotes',
      /its "charge.sequence" is missing or not of the right form/,
      (text) => text.replace(/"sequence":(\d+)/, '"sequence":"$1"'),
    ],
    ['a number below zero', /its "read.records"/, (text) => text.replace(/"records":\d+/, '"records":-1')],
    ['a hash that is none', /its "read.digests"/, (text) => text.replace(/"digests":"../, '"digests":"zz')],
    [
      'an unknown count',
      /its "charge.amounts"/,
      (text) => text.replace('"amounts":{', '"amounts":{"glances":1,'),
    ],
    ['an unknown window', /its "limits"/, (text) => text.replace('"day",', '"year",')],
  ];
  for (const [name, what, edit] of texts) {
    await t.test(name, async (t) => {
      const sample = await sampleLog(root);
      const entry = sample.read(sample.li, 4);
      const found = await forge(sample, (forger) =>
        forger.run(
          'UPDATE weir.entries SET body = $3 WHERE writer = $1 AND number = $2',
          ...entry.split('/'),
          edit(JSON.stringify(sample.bodyOf(entry))),
        ),
      );
      firstFault(t, found, entry, 'body', what);
      t.notMatch(found.faults[0]?.what, new RegExp(sample.li.actorId), 'and no value of it is told');
    });
  }
});

void t.test('a forged entry is named', async (t) => {
  await t.test('after the closing one', async (t) => {
    const sample = await sampleLog(root);
    const closing = sample.entries.findLast(({ writer }) => writer === sample.first)!;
    const found = await forge(sample, (forger) =>
      forger.insert({ ...closing, number: closing.number + 1, kind: 'heartbeat', at: closing.at + 1 }),
    );
    firstFault(
      t,
      found,
      `${sample.first}/${closing.number + 1}`,
      'order',
      /it follows entry \d+, which closed its writer/,
    );
  });
  await t.test('a second opening one', async (t) => {
    const sample = await sampleLog(root);
    const entry = `${sample.first}/5`;
    const found = await forge(sample, (forger) =>
      forger.change(entry, (body) => {
        for (const member of Object.keys(body))
          if (!['v', 'writer', 'number', 'at'].includes(member)) delete body[member];
        Object.assign(body, { kind: 'open', zone, version: '1' });
      }),
    );
    firstFault(t, found, entry, 'order', /it opens its writer, but is not the first/);
  });
  await t.test('of a writer that does not begin', async (t) => {
    const sample = await sampleLog(root);
    const found = await forge(sample, (forger) =>
      forger.change(`${sample.second}/1`, (body) => {
        delete body.zone;
        delete body.version;
        body.kind = 'heartbeat';
      }),
    );
    firstFault(t, found, `${sample.second}/1`, 'order', /the first of its writer, but does not open it/);
  });
  await t.test('of a writer that was never entered', async (t) => {
    const sample = await sampleLog(root);
    const writer = '11111111-1111-4111-8111-111111111111';
    const found = await forge(sample, (forger) =>
      forger.insert({ ...sample.bodyOf(`${sample.first}/1`), writer }),
    );
    firstFault(t, found, `${writer}/1`, 'order', /never entered among the meters/);
    t.equal(found.faultCount, 1);
  });
  await t.test('with a charge of its own', async (t) => {
    const sample = await sampleLog(root);
    const entry = `${sample.first}/5`;
    const found = await forge(sample, async (forger) => {
      const refusal = sample.entries.find(({ kind }) => kind === 'refusal')!;
      const read = sample.bodyOf(sample.read(sample.li, 2));
      t.equal(`${refusal.writer}/${refusal.number}`, entry);
      await forger.remove(entry);
      await forger.insert({
        ...read,
        number: refusal.number,
        at: refusal.at,
        charge: { ...read.charge, sequence: 3 },
      });
      await forger.run(
        'INSERT INTO weir.read_digests SELECT writer, $3, records, subjects FROM weir.read_digests WHERE writer = $1 AND number = $2',
        ...sample.read(sample.li, 2).split('/'),
        refusal.number,
      );
    });
    firstFault(t, found, entry, 'charge', /are not those of its digest list who were new to its meter/);
  });
  await t.test('at the cost of somebody else', async (t) => {
    const sample = await sampleLog(root);
    const entry = sample.read(sample.li, 5);
    const found = await forge(sample, (forger) =>
      forger.change(
        entry,
        (body) => (body.charge = { ...body.charge, meter: sample.wang.meterKey, sequence: 5 }),
      ),
    );
    firstFault(t, found, entry, 'charge', /the meter of somebody else/);
  });
});

void t.test('stored meters that contradict the log are told', async (t) => {
  const changes: [string, RegExp, string][] = [
    [
      'set back',
      /is charge 5 of actor:.*; the stored meter says only 0 charges/,
      'UPDATE weir.meters SET state = NULL WHERE key = $1',
    ],
    [
      'damaged',
      /the stored meter of actor:.* is damaged/,
      'UPDATE weir.meters SET state = set_byte(state, 7, 255 - get_byte(state, 7)) WHERE key = $1',
    ],
    ['removed', /which is not stored/, 'DELETE FROM weir.meters WHERE key = $1'],
  ];
  for (const [name, what, sql] of changes) {
    await t.test(name, async (t) => {
      const sample = await sampleLog(root);
      const found = await forge(sample, (forger) => forger.run(sql, sample.li.meterKey));
      firstFault(t, found, sample.read(sample.li, 5), 'meter', what);
      t.equal(found.faultCount, 1);
    });
  }
});

void t.test(
  'a policy set that is gone or was changed is told with the first entry that names it',
  async (t) => {
    for (const [what, sql] of [
      [/is not kept$/, 'DELETE FROM weir.policy_sets'],
      [/is not kept as it was/, `UPDATE weir.policy_sets SET content = content || ' '`],
    ] as const) {
      const sample = await sampleLog(root);
      const found = await forge(sample, (forger) => forger.run(sql));
      firstFault(t, found, sample.read(sample.li, 1), 'policy', what);
      t.equal(found.faultCount, 1);
    }
  },
);

void t.test('many faults are all counted and the first are told, in the order of the log', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, (forger) => forger.run(`UPDATE weir.entries SET body = '{}'`), {
    maxTold: 3,
  });
  t.equal(found.faults.length, 3);
  // Each of the fifteen bodies; two meters that say more than can be read.
  t.equal(found.faultCount, 17);
  t.equal(found.faults[0]?.entry, `${sample.first}/1`);
});

void t.test('a part of the log can be read by itself; then it says what it could not check', async (t) => {
  const sample = await sampleLog(root);
  const from = sample.bodyOf(sample.read(sample.li, 3));
  const options = { sinceMicros: from.at, zone: 'Asia/Shanghai' };
  const found = await verify(sample.store, options);
  t.match(found, { ok: true, notes: [/only a part of the log was read/] });
  t.ok(found.entries < 15);
  const entry = sample.read(sample.li, 4);
  firstFault(
    t,
    await forge(sample, (forger) => forger.remove(entry), options),
    entry,
    'order',
    /it is missing/,
  );
});

void t.test('without the lists it is said that they were left out', async (t) => {
  const sample = await sampleLog(root);
  const found = await forge(sample, (forger) => forger.run('TRUNCATE weir.read_digests'), {
    digestsToo: false,
  });
  t.match(found, { ok: true, lists: undefined, notes: [/digest lists were left out/] });
});

void t.test('more people than fit are not guessed at', async (t) => {
  const { store } = await sampleLog(root);
  t.match(await verify(store, { maxPeople: 3 }), {
    ok: true,
    notes: [/people were recomputed up to .* only/],
  });
});

void t.test('a database that is not there is an error, not a verdict', async (t) => {
  await t.rejects(verify({ runtimeUrl: 'postgres://nobody@127.0.0.1:1/none' } as never), {
    code: 'ECONNREFUSED',
  });
});
