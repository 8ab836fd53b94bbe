/**
 * An address keeps the division of China that it begins with: its province, its city or its district.
 * Only names on the list of divisions are ever shown, each inside the one before it and from the very
 * beginning, so that nothing of a street leaks that merely looks like a district (幸福小区). An address may
 * also begin with its city, with a shortened province before a city's full name, or leave out the city
 * above one of county rank; what begins otherwise is hidden altogether. A level that is not there gives
 * the one above it. Shown is the division's own full name: spaces, labels, a postcode, a municipality's name said
 * twice and the fillers of address pickers (市辖区) do not show, nor what was left out.
 */
import { citySql, districtSql, provinceSql } from './address-sql.js';
import {
  country,
  fillers,
  firstCity,
  labels,
  maxCharacters,
  maxText,
  otherStarts,
  provinces,
  separators,
} from './division-tree.js';
import { collated } from './collated.js';
import type { Mask } from './mask.js';
import { firstCharacters } from './plain-text.js';

/** The first two characters tell provinces apart. */
const provinceByStart = new Map([...provinces.keys()].map((name) => [name.slice(0, 2), name]));

/** Names by their first two characters, so that few are compared with a text. */
type Starts = ReadonlyMap<string, readonly string[]>;

function startsOf(names: Iterable<string>): Starts {
  const starts = new Map<string, string[]>();
  for (const name of names) {
    const start = name.slice(0, 2);
    starts.set(start, [...(starts.get(start) ?? []), name]);
  }
  return starts;
}

function startOf(text: string, starts: Starts): string | undefined {
  for (const name of starts.get(text.slice(0, 2)) ?? []) if (text.startsWith(name)) return name;
  return undefined;
}

interface Within {
  /** Undefined: the province is its own city. */
  readonly cities: Starts | undefined;
  /** By city. */
  readonly districts: ReadonlyMap<string, Starts>;
}

const within: ReadonlyMap<string, Within> = new Map(
  [...provinces].map(([province, cities]) => [
    province,
    {
      cities: cities.has(province) ? undefined : startsOf(cities.keys()),
      districts: new Map([...cities].map(([city, names]) => [city, startsOf(names)])),
    },
  ]),
);
const noStarts: Starts = new Map();

const separator = new RegExp(`[${escaped(separators)}]`, 'gu');
const label = new RegExp(`^[${escaped(labels)}]+`, 'u');

function escaped(characters: string): string {
  return Array.from(characters, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`).join('');
}

/** Nothing to leave out but fillers: the usual address, told at once. */
const plainAddress = new RegExp(
  `^(?![${escaped(labels)}]|${country})[\\u4e00-\\u9fff0-9A-Za-z]{1,${maxCharacters}}$`,
  'u',
);

function normalise(address: string): string {
  if (plainAddress.test(address)) return withoutFillers(address);
  const close = firstCharacters(address, maxText).replace(separator, '').replace(label, '');
  return withoutFillers(
    firstCharacters(close.startsWith(country) ? close.slice(country.length) : close, maxCharacters),
  );
}

function withoutFillers(text: string): string {
  return anyFiller.test(text)
    ? fillers.reduce((inner, [filler, left]) => inner.replaceAll(filler, left), text)
    : text;
}

/** Most addresses hold none. */
const anyFiller = new RegExp(fillers.map(([filler]) => filler).join('|'), 'u');

/** The divisions that the address begins with, as far as they are known, largest first. @param levels how many are asked for */
function divisionsOf(address: string, levels: number): readonly string[] {
  const text = normalise(address);
  const province = provinceByStart.get(text.slice(0, 2));
  if (province === undefined || !text.startsWith(province)) return fromOtherStart(text);
  const { cities, districts } = within.get(province)!;
  const rest = text.slice(province.length);
  // A province that is its own city: the districts follow at once, and the city level shows the province.
  const named = cities === undefined ? '' : startOf(rest, cities);
  const city = named !== undefined && named !== '' && rest.charAt(named.length) === '场' ? undefined : named;
  if (city === undefined) return otherStarts.get(firstCity(text)) ?? [province];
  if (levels < 3) return [province, city];
  const district = startOf(rest.slice(city.length), districts.get(city === '' ? province : city) ?? noStarts);
  return district === undefined ? [province, city] : [province, city, district];
}

function fromOtherStart(text: string): readonly string[] {
  const start = firstCity(text);
  const [province, city, ofCounty] = otherStarts.get(start) ?? [];
  if (province === undefined || city === undefined) return [];
  const districts = within.get(province)?.districts.get(city) ?? noStarts;
  const district = ofCounty ?? startOf(text.slice(start.length), districts);
  return district === undefined ? [province, city] : [province, city, district];
}

function keepLevels(levels: number): (value: string | null) => string | null {
  return (value) => {
    if (value === null) return null;
    let shown = '';
    const divisions = divisionsOf(value, levels);
    for (let level = 0; level < levels && level < divisions.length; level++) shown += divisions[level]!;
    return `${shown}***`;
  };
}

const documented = '浙江省杭州市西湖区文三路12号幸福小区3幢402室';

export const province: Mask = {
  name: 'province',
  classes: ['address'],
  example: [documented, '浙江省***'],
  sql: collated(provinceSql),
  apply: keepLevels(1),
};

export const city: Mask = {
  name: 'city',
  classes: ['address'],
  example: [documented, '浙江省杭州市***'],
  sql: collated(citySql),
  apply: keepLevels(2),
};

export const district: Mask = {
  name: 'district',
  classes: ['address'],
  example: [documented, '浙江省杭州市西湖区***'],
  sql: collated(districtSql),
  apply: keepLevels(3),
};
