import pg from 'pg'; import { readFileSync } from 'node:fs';
const urls = JSON.parse(readFileSync('/tmp/lv/urls.json','utf8'));
const size = Number(process.argv[2] ?? 1000);
const client = new pg.Client({ connectionString: urls.runtime }); await client.connect();
await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
for (const s of ['enable_seqscan','enable_sort','enable_hashjoin','enable_mergejoin']) await client.query(`SET LOCAL ${s}=off`);
await client.query('SET LOCAL jit=off'); await client.query('SET LOCAL max_parallel_workers_per_gather=0');
const sql = `SELECT count(*), string_agg(writer || E'\t' || number || E'\t' || at || E'\t' || coalesce(actor_id::text,'') || E'\t' || flagged, E'\n'), string_agg(body, E'\n') FROM (SELECT * FROM weir.entries WHERE at >= $1 AND (at, writer, number) > ($1,$2,$3) ORDER BY at, writer, number LIMIT ${size}) x`;
const pid = (await client.query('select pg_backend_pid() p')).rows[0].p;
const pgcpu = () => { const f = readFileSync(`/proc/${pid}/stat`,'utf8').split(') ')[1]!.split(' '); return (Number(f[11])+Number(f[12]))/100; };
const t0 = Date.now(), c0 = process.cpuUsage(); const p0 = pgcpu();
let at = '0', w = '00000000-0000-0000-0000-000000000000', n = '0'; let total = 0, b = 0;
for (;;) {
  const { rows } = await client.query({ name: 'x', text: sql, values: [at, w, n], rowMode: 'array' });
  const [c, heads, bodies] = rows[0] as any;
  if (c === '0') break;
  const hs = heads.split('\n'), bs = bodies.split('\n');
  for (const x of bs) b += x.length;
  [w, n, at] = hs.at(-1).split('\t');
  total += bs.length;
}
const c = process.cpuUsage(c0);
console.log('agg', size, total, b, 'wall', Date.now()-t0, 'cpu node', (c.user+c.system)/1e6, 'pg', pgcpu()-p0);
// costs on the pg side
for (const q of [`select count(*) from (select sha256(records||subjects) from weir.read_digests order by writer,number) x where sha256 is not null`, `select count(*) from (select encode(subjects,'hex') h from weir.read_digests order by writer,number) x where h is not null`, `select count(*) from (select octet_length(records) l from weir.read_digests order by writer, number) x where l>0`,
`select sum(length(s)) from (select string_agg(number || ':' || encode(sha256(records||subjects),'base64') || ':' || encode(subjects,'hex'), ',') s from weir.read_digests group by writer, number/1000) x`]) {
 const p = pgcpu(); const t = Date.now(); await client.query(q); console.log(q.slice(0,70), 'pg', pgcpu()-p, 'wall', Date.now()-t);
}
await client.end();
