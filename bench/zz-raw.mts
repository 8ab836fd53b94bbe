import pg from 'pg'; import Cursor from 'pg-cursor'; import { readFileSync } from 'node:fs';
const urls = JSON.parse(readFileSync('/tmp/lv/urls.json','utf8'));
const mode = process.argv[2];
const client = new pg.Client({ connectionString: urls.runtime }); await client.connect();
await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
for (const s of ['enable_seqscan','enable_sort','enable_hashjoin','enable_mergejoin']) await client.query(`SET LOCAL ${s}=off`);
await client.query('SET LOCAL jit=off');
const q: any = {
 e: 'SELECT writer, number, at, actor_id, flagged, body FROM weir.entries ORDER BY at',
 ew: 'SELECT writer, number, at, actor_id, flagged, body FROM weir.entries ORDER BY at, writer, number',
 j: `SELECT e.writer, e.number, e.at, e.actor_id, e.flagged, e.body, octet_length(d.records), octet_length(d.subjects), encode(sha256(d.records||d.subjects),'hex'), encode(d.subjects,'hex') FROM weir.entries e LEFT JOIN weir.read_digests d ON d.writer=e.writer AND d.number=e.number ORDER BY e.at`,
 jw: `SELECT e.writer, e.number, e.at, e.actor_id, e.flagged, e.body, octet_length(d.records), octet_length(d.subjects), encode(sha256(d.records||d.subjects),'hex'), encode(d.subjects,'hex') FROM weir.entries e LEFT JOIN weir.read_digests d ON d.writer=e.writer AND d.number=e.number ORDER BY e.at, e.writer, e.number`,
};
const sql = q[mode.replace(/[0-9]/g,'')];
if (process.argv[3]==='explain') { console.log((await client.query('EXPLAIN '+sql)).rows.map((r:any)=>r['QUERY PLAN']).join('\n')); process.exit(); }
const pid = (await client.query('select pg_backend_pid() p')).rows[0].p;
const pgcpu = () => { const f = readFileSync(`/proc/${pid}/stat`,'utf8').split(') ')[1]!.split(' '); return (Number(f[11])+Number(f[12]))/100; };
const cur = client.query(new Cursor(sql, [], { rowMode: 'array', types: { getTypeParser: () => (x: string) => x } as any }));
const t0 = Date.now(), c0 = process.cpuUsage(); const p0 = pgcpu();
let n = 0, b = 0; let next = cur.read(2000);
for (;;) { const rows = await next; if (rows.length === 0) break; next = cur.read(2000); n += rows.length; for (const r of rows) b += r[5].length; }
const c = process.cpuUsage(c0);
console.log(mode, n, b, 'wall', Date.now()-t0, 'cpu node', (c.user+c.system)/1e6, 'pg', pgcpu()-p0);
await client.end();
