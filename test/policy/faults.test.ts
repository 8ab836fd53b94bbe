import t from 'tap';
import { agent, alerts, catalog, edit, faultsOf } from './policy-files.js';

/** What is wrong, the file, what stands there, what is written instead, and every fault that must be told. */
type Mistake = readonly [
  title: string,
  file: keyof typeof files,
  from: string,
  to: string,
  faults: readonly string[],
];

const files = { 'catalog.yaml': catalog, 'alerts.yaml': alerts, 'roles/agent.yaml': agent };

const inRoles: readonly Mistake[] = [
  [
    'a mistyped column',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'recieiver_phone: last4',
    ['14:7 unknown column "recieiver_phone" — write receiver_phone'],
  ],
  [
    'a column that does not resemble any',
    'roles/agent.yaml',
    'status: clear',
    'zzzzzzzz: clear',
    [
      '12:7 unknown column "zzzzzzzz" — write order_id, customer_id, order_no, receiver_name, receiver_phone, address, remark, region or status',
    ],
  ],
  [
    'a column of another table',
    'roles/agent.yaml',
    'status: clear',
    'shipment_id: clear',
    [
      '12:7 unknown column "shipment_id" — write order_id, customer_id, order_no, receiver_name, receiver_phone, address, remark, region or status',
    ],
  ],
  [
    'a column that stands twice',
    'roles/agent.yaml',
    '      address: district\n',
    '      address: district\n      receiver_phone: clear\n',
    ['16:7 "receiver_phone" stands twice, first in line 14 — keep one of the two'],
  ],
  [
    'a mask of the wrong kind',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: district',
    [
      '14:23 mask "district" does not suit receiver_phone, which is of class phone — write clear, last4, middle, {mask: phone, first: 3, last: 4}, token, "null" or hidden',
    ],
  ],
  [
    'a mask on a column that is not about a person',
    'roles/agent.yaml',
    'status: clear',
    'status: surname',
    [
      '12:15 mask "surname" does not suit status, which is of class none — write clear, month, {mask: bucket, width: 100}, "null" or hidden',
    ],
  ],
  [
    'a mistyped mask',
    'roles/agent.yaml',
    'address: district',
    'address: distrct',
    ['15:16 mask "distrct" does not suit address, which is of class address — write district'],
  ],
  [
    'a mask that is no text',
    'roles/agent.yaml',
    'address: district',
    'address: true',
    ['15:16 address must be text or a mapping, not yes or no — write a mask, for example clear, or hidden'],
  ],
  [
    'a mask that has to be told how much to keep',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: phone',
    [
      '14:23 phone has to be told how many digits to keep, first or last (receiver_phone) — write {mask: phone, first: 3, last: 4}',
    ],
  ],
  [
    'a mask that keeps too much',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: phone, first: 4, last: 4 }',
    [
      '14:23 first and last together keep 8 digits of a phone, more than 7 (receiver_phone) — write {mask: phone, first: 3, last: 4}',
    ],
  ],
  [
    'a mask that keeps too much at the end',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: phone, last: 7 }',
    ['14:23 last keeps 7 digits, more than 4 (receiver_phone) — write {mask: phone, first: 3, last: 4}'],
  ],
  [
    'a mask with a number that it does not take',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: phone, width: 4 }',
    ['14:38 the mask phone takes no width — write {mask: phone, first: 3, last: 4}'],
  ],
  [
    'a number for a mask that takes none',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: last4, first: 3 }',
    ['14:38 the mask last4 takes no first — write last4'],
  ],
  [
    'a number that is none',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: phone, first: "3" }',
    ['14:45 first must be a whole number, not text — write how many characters in front to keep'],
  ],
  [
    'a mistyped key beside a mask',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: phone, frist: 3 }',
    [
      '14:23 phone has to be told how many digits to keep, first or last (receiver_phone) — write {mask: phone, first: 3, last: 4}',
      '14:38 unknown key "frist" — write first',
    ],
  ],
  [
    'a mask with numbers of the wrong kind',
    'roles/agent.yaml',
    'address: district',
    'address: { mask: partial, first: 3 }',
    [
      '15:16 mask "partial" does not suit address, which is of class address — write clear, province, city, district, token, "null" or hidden',
    ],
  ],
  [
    'a mistyped mask with numbers',
    'roles/agent.yaml',
    'receiver_phone: last4',
    'receiver_phone: { mask: phon, first: 3 }',
    [
      '14:23 mask "phon" does not suit receiver_phone, which is of class phone — write {mask: phone, first: 3, last: 4}',
    ],
  ],
  [
    'a bare null, which is no value in YAML',
    'roles/agent.yaml',
    'address: district',
    'address: null',
    ['15:7 address has no value — write a mask, for example clear, or hidden'],
  ],
  [
    'a column without a mask',
    'roles/agent.yaml',
    'address: district',
    'address:',
    ['15:7 address has no value — write a mask, for example clear, or hidden'],
  ],
  [
    'a limit in short hand',
    'roles/agent.yaml',
    'records: [500 per day',
    'records: [500/d',
    ['19:13 "500/d" is not a limit — write 500 per day'],
  ],
  [
    'a limit as a bare number',
    'roles/agent.yaml',
    'queries: 60 per minute',
    'queries: 60',
    [
      '18:12 queries must be text or a list, not a number — write a limit such as 500 per day, or a list of limits',
    ],
  ],
  [
    'a limit over a week',
    'roles/agent.yaml',
    'queries: 60 per minute',
    'queries: 60 per week',
    [
      '18:12 "60 per week" is not a limit — write a whole number from 1 and a window, like 500 per day; windows are minute, hour, day, 30d',
    ],
  ],
  [
    'two limits for one count, window and scope',
    'roles/agent.yaml',
    'queries: 60 per minute',
    'queries: [60 per minute, 90 per minute]',
    ['18:28 queries per minute is limited twice — keep one of the two'],
  ],
  [
    'two limits for one scope',
    'roles/agent.yaml',
    ', { limit: 20000 per day, scope: orders.export }',
    ', {limit: 2 per day, scope: a}, {limit: 3 per day, scope: a}',
    ['19:56 records per day for scope a is limited twice — keep one of the two'],
  ],
  [
    'a scope that no token can carry',
    'roles/agent.yaml',
    'scope: orders.export',
    'scope: orders export',
    ['19:57 scope cannot be "orders export" — write a scope as tokens carry it, for example orders.export'],
  ],
  [
    'a limit for what has no meter',
    'roles/agent.yaml',
    'scope: orders.export',
    'scope: orders.export, per: team',
    ['19:77 per cannot be "team" — write person, tool or token'],
  ],
  [
    'two limits for each tool',
    'roles/agent.yaml',
    'queries: 60 per minute',
    'queries: [60 per minute, {limit: 9 per minute, per: tool}, {limit: 8 per minute, per: tool}]',
    ['18:62 queries per minute of each tool is limited twice — keep one of the two'],
  ],
  [
    'the same limit, once with the words of what is understood',
    'roles/agent.yaml',
    'queries: 60 per minute',
    'queries: [60 per minute, {limit: 9 per minute, per: person}]',
    ['18:28 queries per minute is limited twice — keep one of the two'],
  ],
  [
    'a key of one limit beside all of them',
    'roles/agent.yaml',
    'queries: 60 per minute',
    'per: tool',
    ['18:3 "per" does not belong here — write records: [{limit: 5000 per day, per: tool}]'],
  ],
  [
    'a count that does not exist',
    'roles/agent.yaml',
    'queries: 60',
    'querys: 60',
    ['18:3 unknown key "querys" — write queries'],
  ],
  [
    'a per_request above the limit',
    'roles/agent.yaml',
    'per_request: 50',
    'per_request: 20001',
    [
      '16:14 one request may read 20001 rows, more than the limit of 20000 records per day — write 20000 or less',
    ],
  ],
  [
    'a default per_request above the limit',
    'roles/agent.yaml',
    agent.slice(agent.indexOf('per_request')),
    'limits:\n  records: [900 per hour, 5000 per day]\n',
    [
      '17:13 one request may read 1000 rows unless per_request says otherwise, more than this limit — add per_request: 900 (or less)',
    ],
  ],
  [
    'a per_request that is text',
    'roles/agent.yaml',
    'per_request: 50',
    'per_request: "50"',
    [
      '16:14 per_request must be a whole number, not text — write a whole number of rows from 1, for example 50',
    ],
  ],
  [
    'a per_request of nothing',
    'roles/agent.yaml',
    'per_request: 50',
    'per_request: 0',
    ['16:14 per_request is out of range — write a whole number of rows from 1, for example 50'],
  ],
  [
    'no limit at all',
    'roles/agent.yaml',
    agent.slice(agent.indexOf('limits:')),
    '',
    [
      '1:1 agent sees orders.order_no and has no limit on records or people: a leak without a bound — add one under limits:, for example records: 500 per day',
    ],
  ],
  [
    'a limit that everybody shares, and none of their own',
    'roles/agent.yaml',
    'records: [500 per day, { limit: 20000 per day, scope: orders.export }]',
    'records: [{ limit: 20000 per day, per: tool }, { limit: 500 per day, per: token }]',
    [
      '17:1 agent sees orders.order_no and limits records and people per tool or token alone: one person could have all of it — add one for each person, for example records: [500 per day, …]',
    ],
  ],
  [
    'a per_request above the limit of a token',
    'roles/agent.yaml',
    'records: [500 per day,',
    'records: [500 per day, { limit: 40 per day, per: token },',
    [
      '16:14 one request may read 50 rows, more than the limit of 40 records per day of each token — write 40 or less',
    ],
  ],
  [
    'a limit per person of a service',
    'roles/agent.yaml',
    agent.slice(agent.indexOf('for: people')),
    `for: services
hours: always
networks: [10.0.0.0/8]
tables: { orders: { browse: yes, see: { order_id: clear } } }
limits: { queries: [{ limit: 5 per day, per: person }] }
`,
    [
      '8:46 a role for services has no person to count for — leave it out: the limit then holds for each service',
    ],
  ],
  [
    'a limit on queries only',
    'roles/agent.yaml',
    '  records: [500 per day, { limit: 20000 per day, scope: orders.export }]\n',
    '',
    [
      '17:1 agent sees orders.order_no and has no limit on records or people: a leak without a bound — add one under limits:, for example records: 500 per day',
    ],
  ],
  [
    'a limit for tokens with a scope only',
    'roles/agent.yaml',
    '[500 per day, {',
    '[{',
    [
      '17:1 tokens without the scope have no limit on records or people, and agent sees orders.order_no — add one without a scope, for example records: [500 per day, {limit: …, scope: …}]',
    ],
  ],
  [
    'a file and a role that differ in name',
    'roles/agent.yaml',
    'role: agent',
    'role: agents',
    [
      '1:7 the file is called agent.yaml and the role "agents" — write role: agent, or rename the file to agents.yaml',
    ],
  ],
  [
    'a role name that cannot be named in a header',
    'roles/agent.yaml',
    'role: agent',
    'role: The Agent',
    [
      '1:7 role cannot be "The Agent" — write the name of the file without .yaml: small letters, digits and -',
    ],
  ],
  [
    'an unknown key',
    'roles/agent.yaml',
    'per_request: 50',
    'per_requests: 50',
    ['16:1 unknown key "per_requests" — write per_request'],
  ],
  [
    'an unknown key that resembles none',
    'roles/agent.yaml',
    'per_request: 50',
    'frobnicate: 50',
    [
      '16:1 unknown key "frobnicate" — remove it; the keys here are role, about, owner, for, tables, services, per_request, limits, reason, ticket, cost, hours, networks, may',
    ],
  ],
  [
    'an unknown table',
    'roles/agent.yaml',
    '  orders:',
    '  order:',
    ['6:3 unknown table "order" — write orders'],
  ],
  [
    'a table by its name in the order database',
    'roles/agent.yaml',
    '  orders:',
    '  shop.orders:',
    ['6:3 unknown table "shop.orders" — write orders'],
  ],
  [
    'a row filter on an unknown column',
    'roles/agent.yaml',
    '{ region: claim.region }',
    '{ regions: claim.region }',
    ['8:13 unknown column "regions" — write region'],
  ],
  [
    'a row filter that misspells claim',
    'roles/agent.yaml',
    'claim.region',
    'claims.region',
    ['8:21 "claims.region" does not name a claim — write claim.region'],
  ],
  [
    'a row filter with a template',
    'roles/agent.yaml',
    'claim.region',
    '"${claim.region}"',
    ['8:21 "${claim.region}" does not name a claim — write claim.region'],
  ],
  [
    'a row filter without a claim',
    'roles/agent.yaml',
    'claim.region',
    'claim.',
    ['8:21 "claim." does not name a claim — write claim.<name of the claim>'],
  ],
  [
    'a row filter on a number',
    'roles/agent.yaml',
    'claim.region',
    '007',
    ['8:21 region must be text, not a number — write the value in quotes, or claim.<name>'],
  ],
  [
    'a row filter with an operator',
    'roles/agent.yaml',
    'claim.region',
    '{ neq: x }',
    ['8:21 region must be text, not a mapping — write the value in quotes, or claim.<name>'],
  ],
  [
    'find_by that is no list',
    'roles/agent.yaml',
    '[order_no, receiver_phone]',
    'order_no',
    ['7:14 find_by must be a list, not text — write [order_no]'],
  ],
  [
    'find_by of nothing',
    'roles/agent.yaml',
    '[order_no, receiver_phone]',
    '[]',
    ['7:5 find_by is empty — write a list, for example [order_no]'],
  ],
  [
    'find_by of an unknown column',
    'roles/agent.yaml',
    '[order_no, receiver_phone]',
    '[orderno, receiver_phone]',
    ['7:15 unknown column "orderno" — write order_no'],
  ],
  [
    'find_by that names a column twice',
    'roles/agent.yaml',
    '[order_no, receiver_phone]',
    '[order_no, order_no]',
    ['7:25 "order_no" stands twice — keep one of the two'],
  ],
  [
    'find_by of a masked column without a look-up',
    'roles/agent.yaml',
    '[order_no, receiver_phone]',
    '[order_no, receiver_name]',
    [
      '7:25 receiver_name is not seen in clear and the catalogue declares no exact look-up for it — write receiver_name: {class: name, lookup: [exact]} in catalog.yaml (it needs an index), or remove it here',
    ],
  ],
  [
    'a table that can neither be searched nor browsed',
    'roles/agent.yaml',
    '    find_by: [order_no, receiver_phone]\n',
    '',
    [
      '6:3 orders can neither be searched nor browsed — add find_by: [<column>], or browse: yes for a role whose work is lists',
    ],
  ],
  [
    'browse: no without find_by',
    'roles/agent.yaml',
    'find_by: [order_no, receiver_phone]',
    'browse: no',
    ['7:13 orders can neither be searched nor browsed — add find_by: [<column>], or remove the table'],
  ],
  [
    'browse that is neither yes nor no',
    'roles/agent.yaml',
    'find_by: [order_no, receiver_phone]',
    'browse: maybe',
    ['7:13 browse cannot be "maybe" — write yes or no'],
  ],
  [
    'a table without see',
    'roles/agent.yaml',
    agent.slice(agent.indexOf('    see:'), agent.indexOf('per_request')),
    '',
    ['6:3 "see" is missing from orders — write see: one line a column, for example order_no: clear'],
  ],
  [
    'a table of which everything is hidden',
    'roles/agent.yaml',
    agent.slice(agent.indexOf('      order_id'), agent.indexOf('per_request')),
    '      status: hidden\n',
    [
      '7:15 order_no is not seen in clear and the catalogue declares no exact look-up for it — write order_no: {class: order-number, lookup: [exact]} in catalog.yaml (it needs an index), or remove it here',
      '9:5 every column of orders is hidden — show at least one column, or remove the table',
    ],
  ],
  [
    'a permission that does not exist',
    'roles/agent.yaml',
    'per_request: 50',
    'per_request: 50\nmay: [alert]',
    ['17:7 an item of may cannot be "alert" — write alerts'],
  ],
  [
    'a permission that is no list',
    'roles/agent.yaml',
    'per_request: 50',
    'per_request: 50\nmay: alerts',
    ['17:6 may must be a list, not text — write [alerts]'],
  ],
  [
    'a role that may do nothing',
    'roles/agent.yaml',
    agent.slice(agent.indexOf('tables:'), agent.indexOf('per_request')),
    '',
    ['1:1 the role may do nothing — add tables: (what it reads) or may: [alerts]'],
  ],
  [
    'a role for nobody',
    'roles/agent.yaml',
    'for: people',
    'for: peeple',
    ['4:6 for cannot be "peeple" — write people'],
  ],
  [
    'a role without an owner',
    'roles/agent.yaml',
    'owner: customer-care\n',
    '',
    ['1:1 "owner" is missing — write owner: who decides about the role'],
  ],
  [
    'a role with an empty owner',
    'roles/agent.yaml',
    'owner: customer-care',
    'owner: ""',
    ['3:1 owner is empty — write who decides about the role'],
  ],
];

const inCatalog: readonly Mistake[] = [
  [
    'a reference of a column that is none',
    'catalog.yaml',
    '    subject: customer_id\n',
    '    subject: customer_id\n    references: { oder_id: shipments }\n',
    ['7:19 orders has no column "oder_id" — write order_id'],
  ],
  [
    'a reference to a table that is none',
    'catalog.yaml',
    '    subject: customer_id\n',
    '    subject: customer_id\n    references: { customer_id: customers, order_id: shipment }\n',
    [
      '7:32 customer_id refers to "customers", which is not in the catalogue — write orders or shipments',
      '7:53 order_id refers to "shipment", which is not in the catalogue — write shipments',
    ],
  ],
  ['another version', 'catalog.yaml', 'version: 1', 'version: 2', ['1:10 version cannot be 2 — write 1']],
  [
    'a version in quotes',
    'catalog.yaml',
    'version: 1',
    'version: "1"',
    ['1:10 version must be a number, not text — write 1'],
  ],
  [
    'a mistyped class',
    'catalog.yaml',
    'remark: free-text',
    'remark: freetext',
    ['14:15 remark cannot be "freetext" — write free-text'],
  ],
  [
    'a class that resembles none',
    'catalog.yaml',
    'remark: free-text',
    'remark: secret',
    [
      '14:15 remark cannot be "secret" — write none, order-number, name, phone, address, email, id-number, free-text or amount',
    ],
  ],
  [
    'a column without a class',
    'catalog.yaml',
    'remark: free-text',
    'remark:',
    [
      '14:7 remark has no value — write a class: none, order-number, name, phone, address, email, id-number, free-text or amount',
    ],
  ],
  [
    'a column with a key that does not exist',
    'catalog.yaml',
    '{ class: phone, lookup',
    '{ class: phone, lookups',
    [
      '12:39 unknown key "lookups" — write lookup',
      'roles/agent.yaml:7:25 receiver_phone is not seen in clear and the catalogue declares no exact look-up for it — write receiver_phone: {class: phone, lookup: [exact]} in catalog.yaml (it needs an index), or remove it here',
    ],
  ],
  [
    'a column without class in the long form',
    'catalog.yaml',
    '{ class: phone, lookup',
    '{ lookup',
    [
      '12:7 "class" is missing from receiver_phone — write class: none, order-number, name, phone, address, email, id-number, free-text or amount',
    ],
  ],
  [
    'a table without schema',
    'catalog.yaml',
    'from: shop.orders',
    'from: orders',
    ['4:11 from cannot be "orders" — write schema.table, for example shop.orders'],
  ],
  [
    'one table under two names',
    'catalog.yaml',
    'from: shop.shipments',
    'from: shop.orders',
    ['18:11 shop.orders is in the catalogue already, as orders — keep one of the two entries'],
  ],
  [
    'a record that is not among the columns',
    'catalog.yaml',
    'record: order_id',
    'record: order_idd',
    ['5:13 record names "order_idd", which is not among the columns — write order_id'],
  ],
  [
    'a subject that is not among the columns',
    'catalog.yaml',
    'subject: customer_id',
    'subject: custumer_id',
    ['6:14 subject names "custumer_id", which is not among the columns — write customer_id'],
  ],
  [
    'a table without record',
    'catalog.yaml',
    '    record: shipment_id\n',
    '',
    [
      '17:3 "record" is missing from shipments — write record: the column that names the record, or several: [order_id, tag_id]',
    ],
  ],
  [
    'a name for a table that a URL cannot hold',
    'catalog.yaml',
    '  shipments:',
    '  Shipments/all:',
    ['17:3 "Shipments/all" cannot be used as a name — write a name of small letters, digits and _'],
  ],
  [
    'a name for a column that a query cannot hold',
    'catalog.yaml',
    'remark: free-text',
    're.mark: free-text',
    ['14:7 "re.mark" cannot be used as a name — write the name of the column: letters, digits and _'],
  ],
  [
    "a name that the gateway's own columns have",
    'catalog.yaml',
    'remark: free-text',
    '__weir_record: none',
    ['14:7 "__weir_record" cannot be used as a name — write the name of the column: letters, digits and _'],
  ],
  [
    'last4 as a word',
    'catalog.yaml',
    '{ last4: receiver_phone_last4 }',
    'last4',
    [
      '12:55 an item of lookup cannot be "last4" — write exact, {normal: <column that holds the normal form>} or {last4: <column that holds the last four digits>}',
    ],
  ],
  [
    'last4 on an address',
    'catalog.yaml',
    'address: address',
    'address: { class: address, lookup: [{ last4: x }] }',
    ['13:43 the look-up last4 is for phones, and address is of class address — write [exact]'],
  ],
  [
    'a phone that is its own last four digits',
    'catalog.yaml',
    '{ last4: receiver_phone_last4 }',
    '{ last4: receiver_phone }',
    [
      '12:55 receiver_phone cannot hold its own last four digits — name the column that has an index for them',
    ],
  ],
  [
    'last four digits that everybody could read',
    'catalog.yaml',
    'remark: free-text',
    'receiver_phone_last4: none',
    [
      '14:29 receiver_phone_last4 holds digits of a phone but is of class none — leave it out of the columns (it can be looked up all the same), or write phone',
    ],
  ],
  [
    'a phone that is its own normal form',
    'catalog.yaml',
    '[exact, { last4: receiver_phone_last4 }]',
    '[{ normal: receiver_phone }]',
    ['12:48 receiver_phone cannot hold its own normal form — name the column that has an index for them'],
  ],
  [
    'a phone that is looked up by its normal form and by its text',
    'catalog.yaml',
    '{ last4: receiver_phone_last4 }',
    '{ normal: receiver_phone_normal }',
    [
      '12:55 receiver_phone is looked up by its normal form and by its text — keep normal: it finds whatever is written alike, and more',
    ],
  ],
  [
    'two columns for one look-up',
    'catalog.yaml',
    '{ last4: receiver_phone_last4 }',
    '{ normal: receiver_phone_normal, last4: receiver_phone_last4 }',
    [
      '12:55 an item of lookup cannot be a mapping — write exact, {normal: <column that holds the normal form>} or {last4: <column that holds the last four digits>}',
    ],
  ],
  [
    'the normal form of an address',
    'catalog.yaml',
    'address: address',
    'address: { class: address, lookup: [{ normal: x }] }',
    ['13:43 the look-up normal is for phones, and address is of class address — write [exact]'],
  ],
  [
    'a look-up that stands twice',
    'catalog.yaml',
    '[exact, { last4',
    '[exact, exact, { last4',
    ['12:55 receiver_phone has the look-up exact twice — keep one of the two'],
  ],
  [
    'no tables',
    'catalog.yaml',
    catalog.slice(catalog.indexOf('tables:')),
    'tables: {}\n',
    ['2:1 tables is empty — write one entry a table'],
  ],
];

const inAlerts: readonly Mistake[] = [
  [
    'a threshold of nothing',
    'alerts.yaml',
    'records_per_read: 200',
    'records_per_read: 0',
    ['3:21 records_per_read is out of range — write a whole number from 1, or off'],
  ],
  [
    'a threshold that is half a record',
    'alerts.yaml',
    'records_per_read: 200',
    'records_per_read: 1.5',
    [
      '3:21 records_per_read must be a whole number or text, not a number — write a whole number from 1, or off',
    ],
  ],
  [
    'no instead of off',
    'alerts.yaml',
    'records_per_read: 200',
    'records_per_read: no',
    ['3:21 records_per_read cannot be "no" — write a whole number from 1, or off'],
  ],
  [
    'one record in a row',
    'alerts.yaml',
    'consecutive: 20',
    'consecutive: 1',
    ['9:16 consecutive is out of range — write a whole number from 2, or off'],
  ],
  [
    'a threshold left out',
    'alerts.yaml',
    '  people_per_day: 600\n',
    '',
    ['2:1 "people_per_day" is missing from bulk — write people_per_day: a whole number from 1, or off'],
  ],
  [
    'a threshold that does not exist',
    'alerts.yaml',
    'consecutive: 20',
    'consecutive: 20\n  recordsPerRead: 2',
    ['10:3 unknown key "recordsPerRead" — write records_per_read'],
  ],
  [
    'a role that does not exist',
    'alerts.yaml',
    '  agent:',
    '  agnet:',
    ['11:3 unknown role "agnet" — write agent'],
  ],
];

for (const [title, file, from, to, expected] of [...inRoles, ...inCatalog, ...inAlerts]) {
  void t.test(`${file}, ${title}: place and hint`, async (t) => {
    const faults = await faultsOf(t, { [file]: edit(files[file], from, to) });
    const wanted = expected.map((fault) => (/^\S+\.yaml:/.test(fault) ? fault : `${file}:${fault}`));
    t.strictSame(faults, wanted);
  });
}
