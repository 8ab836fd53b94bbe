/** What the SQL form of the address masks takes for granted about the list of divisions. */
import t from 'tap';
import { maxDistrictCharacters } from '../../src/mask/address-sql.js';
import {
  cityEndings,
  country,
  fillers,
  firstCity,
  labels,
  maxCharacters,
  municipalities,
  otherStarts,
  provinces,
} from '../../src/mask/division-tree.js';

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
    if (province.endsWith('特别行政区')) continue;
    const text = city === province ? province : province + city;
    const alike = cityEndings.reduce((name, [from, to]) => name.replaceAll(from, to), text);
    if (alike.indexOf('市') !== text.length - 1 || alike.length !== text.length) t.fail(text);
  }
  t.pass();
});

void t.test('each other start ends at its first ending of a city, and means one city', async (t) => {
  for (const start of otherStarts.keys()) if (firstCity(start) !== start) t.fail(start);
  const known = new Set(cities.flatMap(({ province, city }) => [province + city, city]));
  const ofCounty = cities.flatMap(({ districts }) => districts.filter((name) => name.endsWith('市')));
  t.equal(new Set(ofCounty).size, ofCounty.length);
  for (const name of ofCounty) if (known.has(name)) t.fail(name);
  t.equal(new Set(cities.map(({ city }) => city)).size, cities.length);
  // None of them is how an address in full begins.
  for (const start of otherStarts.keys())
    if (cities.some(({ province, city }) => start === province + city)) t.fail(start);
});

void t.test('no address that is understood begins with what is taken off in front', async (t) => {
  for (const start of [...provinces.keys(), ...otherStarts.keys()]) {
    if (labels.includes(start.charAt(0)) || start.startsWith(country)) t.fail(start);
  }
  t.pass();
});

void t.test('what is left out of an address is no part of a division', async (t) => {
  const starts = [...municipalities, '省', '自治区'];
  for (const [filler, left] of fillers) t.ok(starts.includes(left) && filler.startsWith(left));
  for (const name of names.filter((name) => !provinces.has(name))) {
    if (starts.some((start) => name.includes(start))) t.fail(name);
    // Nor does one begin at the end of a division: the first branch of the SQL form would not see it.
    if (fillers.some(([filler]) => [...name].some((_, at) => filler.startsWith(name.slice(at)))))
      t.fail(name);
  }
  for (const [province] of provinces) {
    if (starts.some((start) => province.slice(0, -start.length).includes(start))) t.fail(province);
  }
  for (const { province, districts } of cities.filter(({ province }) => municipalities.includes(province))) {
    for (const name of districts)
      if (fillers.some(([filler]) => `${province}${name}`.startsWith(filler))) t.fail(name);
  }
});

void t.test('no division is longer than the part of an address that is looked at', async (t) => {
  const longest = Math.max(...names.map((name) => name.length));
  const filler = Math.max(...fillers.map(([text]) => text.length));
  t.ok(3 * longest + filler <= maxCharacters);
});

void t.test('a district holds one ending before its own at most', async (t) => {
  for (const district of cities.flatMap(({ districts }) => districts)) {
    const endings = district.match(/[区县市旗]/gu) ?? [];
    if (endings.length > 2 || !/[区县市旗]$/u.test(district)) t.fail(district);
    if (district.length > maxDistrictCharacters) t.fail(district);
  }
  t.pass();
});
