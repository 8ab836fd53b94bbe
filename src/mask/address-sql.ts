/**
 * The SQL form of the address masks. Membership in the list of divisions is a key of a jsonb constant:
 * found by binary search, ready when the plan is, where an array of three thousand names would be
 * hashed anew at each execution. The constant (54 kB for districts) stands in the statement once.
 *
 * Where a name ends is found from its last character rather than by trying lengths: no name of a city
 * or province holds an ending before its own (test/mask/division-tree.test.ts holds that for the list).
 * Nearly every address is of the plain form "…市" + three characters and is answered by the first
 * branch; the rest takes a slower way that gives the same for it.
 *
 * OFFSET 0 keeps the planner from writing an expression out at each mention of its name. Names begin
 * with __weir, which no statement of a user may, so they cannot capture a column of the text's.
 */
import { fillers, municipalities, provinces } from './division-tree.js';

export const cityEndings = ['市', '自治州', '地区', '盟', '林区', '县'];

function jsonb(value: unknown): string {
  return `'${JSON.stringify(value)}'::jsonb`;
}

// The first two characters tell provinces apart.
const provinceByStart = jsonb(
  Object.fromEntries([...provinces.keys()].map((name) => [name.slice(0, 2), name])),
);

const districtsByCity: Record<string, readonly string[]> = {};
for (const [province, cities] of provinces) {
  for (const [city, districts] of cities)
    districtsByCity[city === province ? province : province + city] = districts;
}
/** How long names of districts are, the frequent ones first. */
const lengths = (() => {
  const times = new Map<number, number>();
  for (const { length } of Object.values(districtsByCity).flat())
    times.set(length, (times.get(length) ?? 0) + 1);
  return [...times.keys()].sort((one, other) => (times.get(other) ?? 0) - (times.get(one) ?? 0));
})();

/** The address without spaces, as __weir_a. */
function withoutSpaces(text: string): string {
  return `FROM (SELECT replace(replace(${text}, ' ', ''), '\u3000', '') AS __weir_a OFFSET 0) AS __weir_1`;
}

/** The province that the text begins with, and the stars. */
function provinceOf(text: string): string {
  const name = `${provinceByStart} ->> left(${text}, 2)`;
  return `CASE WHEN starts_with(${text}, ${name}) THEN (${name}) || '***' ELSE '***' END`;
}

/** __weir_b is the address without spaces and fillers, __weir_n the length of its province and city. */
function fromProvinceAndCity(text: string): string {
  const list = municipalities.map((name) => `'${name}'`).join(', ');
  const direct = [fillers.directUnderProvince, fillers.directUnderRegion].reduce((inner, filler) => {
    const ending = filler.slice(0, filler.indexOf('直'));
    return `replace(${inner}, '${ending}${filler}', '${ending}')`;
  }, 'left(__weir_a, 64)');
  const withoutFiller =
    `CASE WHEN left(__weir_a, 3) NOT IN (${list}) THEN ${direct} ` +
    `WHEN substr(__weir_a, 4, 3) IN (left(__weir_a, 3), '${fillers.municipality}') THEN left(__weir_a, 3) || substr(__weir_a, 7, 64) ` +
    `WHEN left(__weir_a, 4) = '${fillers.countiesOfChongqing}' THEN left(__weir_a, 3) || substr(__weir_a, 5, 64) ` +
    `ELSE left(__weir_a, 64) END`;
  const ends = cityEndings.map((ending) => `nullif(strpos(__weir_b, '${ending}'), 0) + ${ending.length - 1}`);
  return (
    `FROM (SELECT __weir_b, least(${ends.join(', ')}) AS __weir_n ` +
    `FROM (SELECT ${withoutFiller} AS __weir_b ${withoutSpaces(text)} OFFSET 0) AS __weir_2 OFFSET 0) AS __weir_3`
  );
}

export function provinceSql(text: string): string {
  return `CASE WHEN ${text} IS NOT NULL THEN (SELECT ${provinceOf('__weir_a')} ${withoutSpaces(text)}) END`;
}

export function citySql(text: string): string {
  const names = jsonb(Object.fromEntries(Object.keys(districtsByCity).map((name) => [name, 0])));
  const plain = `left(${text}, strpos(${text}, '市'))`;
  const general =
    `(SELECT CASE WHEN __weir_j ? left(__weir_b, __weir_n) THEN left(__weir_b, __weir_n) || '***' ` +
    `ELSE ${provinceOf('__weir_b')} END ${fromProvinceAndCity(text)})`;
  return (
    `(SELECT CASE WHEN ${text} IS NULL THEN NULL WHEN __weir_j ? ${plain} THEN ${plain} || '***' ` +
    `ELSE ${general} END FROM (SELECT ${names} AS __weir_j) AS __weir_0)`
  );
}

export function districtSql(text: string): string {
  const end = `strpos(${text}, '市')`;
  // Of two districts of one city neither begins with the other, so the order of the lengths does not matter.
  const branches = lengths.map(
    (length) =>
      `WHEN __weir_s ? substr(__weir_b, __weir_n + 1, ${length}) THEN left(__weir_b, __weir_n + ${length}) || '***' `,
  );
  const general =
    `(SELECT CASE WHEN __weir_s IS NULL THEN ${provinceOf('__weir_b')} ` +
    `WHEN jsonb_array_length(__weir_s) = 0 THEN left(__weir_b, __weir_n) || '***' ` +
    `${branches.join('')}ELSE left(__weir_b, __weir_n) || '***' END ` +
    `FROM (SELECT __weir_b, __weir_n, __weir_j -> left(__weir_b, __weir_n) AS __weir_s ${fromProvinceAndCity(text)} OFFSET 0) AS __weir_4)`;
  return (
    `(SELECT CASE WHEN ${text} IS NULL THEN NULL ` +
    `WHEN (__weir_j -> left(${text}, ${end})) ? substr(${text}, ${end} + 1, 3) THEN left(${text}, ${end} + 3) || '***' ` +
    `ELSE ${general} END FROM (SELECT ${jsonb(districtsByCity)} AS __weir_j) AS __weir_0)`
  );
}
