/** What the SQL form of the address masks takes for granted about the list of divisions. */
import t from 'tap';
import { cityEndings } from '../../src/mask/address-sql.js';
import { fillers, municipalities, provinces } from '../../src/mask/division-tree.js';

const cities = [...provinces].flatMap(([province, below]) =>
  [...below].map(([city, districts]) => ({ province, city, districts })),
);
const names = [...provinces.keys(), ...cities.flatMap(({ city, districts }) => [city, ...districts])];

void t.test('the list is there, of plain characters of the basic plane', async (t) => {
  t.equal(provinces.size, 34);
  t.equal(cities.length, 372);
  t.equal(cities.flatMap(({ districts }) => districts).length, 2936);
  t.strictSame(municipalities, ['北京市', '天津市', '上海市', '重庆市']);
  for (const name of names)
    if (!/^\p{Script=Han}+$/u.test(name) || name.length !== Array.from(name).length) t.fail(name);
});

void t.test('the first two characters tell provinces apart', async (t) => {
  t.equal(new Set([...provinces.keys()].map((name) => name.slice(0, 2))).size, provinces.size);
});

void t.test('no division begins with the name of its neighbour', async (t) => {
  for (const group of [
    [...provinces.keys()],
    ...[...provinces.values()].map((below) => [...below.keys()]),
    ...cities.map(({ districts }) => districts),
  ]) {
    for (const one of group)
      for (const other of group) if (one !== other && one.startsWith(other)) t.fail(`${one}, ${other}`);
  }
  t.pass();
});

void t.test('province and city end at the first ending of a city', async (t) => {
  for (const { province, city } of cities) {
    const text = city === province ? province : province + city;
    if (province.endsWith('特别行政区')) continue;
    const ends = cityEndings
      .filter((ending) => text.includes(ending))
      .map((ending) => text.indexOf(ending) + ending.length);
    if (Math.min(...ends) !== text.length) t.fail(text);
  }
  t.pass();
});

void t.test('what is left out of an address is no part of a division', async (t) => {
  for (const name of names.filter((name) => !provinces.has(name))) {
    if (name.includes(fillers.municipality) || name.includes('省') || name.includes('自治区')) t.fail(name);
  }
  for (const [province] of provinces) {
    if (province.slice(0, -1).includes('省') || (province.match(/自治区/g) ?? []).length > 1)
      t.fail(province);
  }
  for (const { districts } of cities.filter(({ province }) => municipalities.includes(province))) {
    for (const district of districts) if (/^(县|..市)/u.test(district)) t.fail(district);
  }
  const longest = Math.max(...names.map((name) => name.length));
  t.ok(3 * longest + fillers.directUnderRegion.length <= 64, 'the SQL form looks at 64 characters');
});
