/**
 * The guards of the REST door, as data: each with the edit that takes it out. A build of the gateway without
 * one of them must be found out by the twins; an edit that no longer applies is an error, so that the list
 * follows the code.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { openGateway } from '../../src/gateway.js';
import { bundle, bundleOf, checkout } from '../support/bundle.js';
import type { Teardown } from '../support/cluster.js';

export interface Guard {
  /** What holds while the guard stands. */
  readonly guard: string;
  /** The role whose twins find that it is gone. */
  readonly role: string;
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

const statement = 'src/sql/statement.ts';
const relation = 'src/sql/relation.ts';
const rules = 'src/sql/column-rules.ts';
const shown = 'src/sql/shown-columns.ts';
const embedding = 'src/sql/embedding.ts';

export const guards: readonly Guard[] = [
  {
    guard: 'a role that does not browse must pin',
    role: 'support-agent',
    edits: [{ file: statement, from: 'if (!policy.browse && pins.length === 0)', to: 'if (false)' }],
  },
  {
    guard: 'a pin is equality, not negated',
    role: 'support-agent',
    edits: [
      {
        file: statement,
        from: "if (negated || (operator !== 'eq' && operator !== 'in')) return undefined;",
        to: 'if (negated) return undefined;',
      },
    ],
  },
  {
    guard: 'masked columns are not filtered on',
    role: 'warehouse',
    edits: [
      {
        file: statement,
        from: 'for (const filter of compared) refuseUnfilterable(policy, filter);',
        to: 'for (const filter of compared) visible(policy, filter.column);',
      },
    ],
  },
  {
    guard: 'masked columns are not filtered on inside a tree either',
    role: 'warehouse',
    edits: [
      {
        file: statement,
        from: 'for (const filter of compared) refuseUnfilterable(policy, filter);',
        to: 'for (const { filter } of filters) refuseUnfilterable(policy, filter);',
      },
    ],
  },
  {
    guard: 'hidden columns do not exist',
    role: 'analyst',
    edits: [
      { file: rules, from: 'if (!policy.see.has(name)) throw', to: 'if (false) throw' },
      {
        file: shown,
        from: "if (policy.see.get(column) !== 'clear') {\n    if (cast",
        to: "if (policy.see.has(column) && policy.see.get(column) !== 'clear') {\n    if (cast",
      },
      {
        file: relation,
        from: 'if (mask === undefined)',
        to: 'if (mask === undefined) return escapeIdentifier(name);\n    if (false)',
      },
    ],
  },
  {
    guard: 'masks are applied in SQL',
    role: 'lister',
    edits: [{ file: relation, from: 'maskedText(mask, text)', to: 'text' }],
  },
  {
    guard: 'masks that are computed on output are applied',
    role: 'support-agent',
    edits: [
      {
        file: 'src/sql/order-database.ts',
        from: 'for (const { at, apply } of outputMasks) row[at] = apply(row[at] ?? null, keys);',
        to: '',
      },
    ],
  },
  {
    guard: 'rows are ordered by what is shown of a masked column',
    role: 'lister',
    edits: [{ file: shown, from: " !== 'clear' && !ordered.has(name)", to: " !== 'clear'" }],
  },
  {
    guard: 'the row filter holds',
    role: 'warehouse',
    edits: [
      {
        file: relation,
        from: '[...rowFilter(policy, live, parameters), ...conditions]',
        to: '[...conditions]',
      },
    ],
  },
  {
    guard: 'counts are not steered by personal columns',
    role: 'warehouse',
    edits: [
      { file: statement, from: "if (catalogued(policy, column).class !== 'none') {", to: 'if (false) {' },
    ],
  },
  {
    guard: 'patterns do not search personal columns',
    role: 'warehouse',
    edits: [{ file: rules, from: 'if (!isPattern(filter) ||', to: 'if (true ||' }],
  },
  {
    guard: 'casts are those that cannot fail',
    role: 'analyst',
    edits: [
      {
        file: 'src/sql/casts.ts',
        from: 'return castsOf(type).find((known) => known === target);',
        to: 'return target;',
      },
    ],
  },
  {
    guard: 'embedded rows are masked on output',
    role: 'support-agent',
    edits: [
      {
        file: 'src/sql/embedded-rows.ts',
        from: 'for (const { at, apply } of outputMasks) values[at] = apply(values[at] ?? null, maskKeys);',
        to: '',
      },
    ],
  },
  {
    guard: 'the row filter of an embedded table holds',
    role: 'lister',
    edits: [
      {
        file: embedding,
        from: 'maskedRelation(policy, live, needed',
        to: 'maskedRelation({ ...policy, only: [] }, live, needed',
      },
    ],
  },
  {
    guard: 'masked columns of embedded tables are not filtered on',
    role: 'lister',
    edits: [
      {
        file: embedding,
        from: 'for (const filter of filters) refuseUnfilterable(policy, filter);',
        to: '',
      },
    ],
  },
  {
    guard: 'tables are joined by columns in clear',
    role: 'analyst',
    edits: [
      {
        file: 'src/sql/foreign-keys.ts',
        from: "if (policy.see.get(from) !== 'clear' || other.see.get(to) !== 'clear') return false;",
        to: '',
      },
      { file: relation, from: 'if (mask === undefined)', to: 'if (false)' },
    ],
  },
  {
    guard: 'the row filter of a junction table holds',
    role: 'lister',
    edits: [
      {
        file: embedding,
        from: 'return planTable(junction, junctionPlan,',
        to: 'return planTable({ ...junction, policy: { ...junction.policy, only: [] } }, junctionPlan,',
      },
    ],
  },
  {
    guard: 'what decides without being shown is not about a person',
    role: 'lister',
    edits: [
      {
        file: embedding,
        from: "if (catalogued(policy, column).class === 'none') continue;",
        to: 'continue;',
      },
    ],
  },
  {
    guard: 'a masked column of an embedded row orders by what is shown of it',
    role: 'lister',
    edits: [
      {
        file: embedding,
        from: 'const unmasked = maskedOnOutput(policy, selected, plan.order);\n  const masked =',
        to: 'const unmasked = new Set([...maskedOnOutput(policy, selected, plan.order), ...(rows ? [] : ordered)]);\n  const masked =',
      },
    ],
  },
  {
    guard: 'embedded tables are reached from what is pinned',
    role: 'lister',
    edits: [
      {
        file: 'src/sql/foreign-keys.ts',
        from: "if (policy.browse) return 'listed';",
        to: "return 'listed';",
      },
    ],
  },
  {
    guard: 'hidden tables do not exist',
    role: 'logistics',
    edits: [
      {
        file: 'src/corridor/admit-read.ts',
        from: 'const granted = role.tables.get(request.plan.table);',
        to: 'const granted = role.tables.get(request.plan.table) ?? [...set.roles.values()].flatMap((r) => [...r.tables.values()]).find((p) => p.table.name === request.plan.table);',
      },
    ],
  },
];

/** Builds the gateway without the guard. @throws if an edit does not apply exactly once */
export async function without(t: Teardown, { guard, edits }: Guard): Promise<typeof openGateway> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-without-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const part of ['src', 'drizzle', 'package.json', 'tsconfig.json'])
    await cp(join(checkout, part), join(directory, part), { recursive: true });
  await symlink(join(checkout, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, from, to } of edits) {
    const path = join(directory, file);
    const text = await readFile(path, 'utf8');
    if (text.split(from).length !== 2)
      throw new Error(`the guard "${guard}" has moved: ${file} does not hold its text exactly once`);
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }
  const [gateway, folder] = [join(directory, 'src/gateway.ts'), join(directory, 'built')];
  await bundle([gateway], folder, directory);
  const built = (await import(pathToFileURL(bundleOf(gateway, folder, directory)).href)) as {
    readonly openGateway: typeof openGateway;
  };
  return built.openGateway;
}
