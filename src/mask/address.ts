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

function startOf(text: string, names: Iterable<string>): string | undefined {
  for (const name of names) if (text.startsWith(name)) return name;
  return undefined;
}

const separator = new RegExp(`[${escaped(separators)}]`, 'gu');
const label = new RegExp(`^[${escaped(labels)}]+`, 'u');

function escaped(characters: string): string {
  return Array.from(characters, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`).join('');
}

function normalise(address: string): string {
  const close = firstCharacters(address, maxText).replace(separator, '').replace(label, '');
  const start = firstCharacters(
    close.startsWith(country) ? close.slice(country.length) : close,
    maxCharacters,
  );
  return anyFiller.test(start)
    ? fillers.reduce((text, [filler, left]) => text.replaceAll(filler, left), start)
    : start;
}

/** Most addresses hold none. */
const anyFiller = new RegExp(fillers.map(([filler]) => filler).join('|'), 'u');

/** The divisions that the address begins with, as far as they are known, largest first. */
function divisionsOf(address: string): readonly string[] {
  const text = normalise(address);
  const province = provinceByStart.get(text.slice(0, 2));
  if (province === undefined || !text.startsWith(province)) return fromOtherStart(text);
  const cities = provinces.get(province) ?? new Map<string, readonly string[]>();
  const rest = text.slice(province.length);
  // A province that is its own city: the districts follow at once, and the city level shows the province.
  const named = cities.has(province) ? '' : startOf(rest, cities.keys());
  const city = named !== undefined && named !== '' && rest.charAt(named.length) === '场' ? undefined : named;
  if (city === undefined) return otherStarts.get(firstCity(text)) ?? [province];
  const district = startOf(rest.slice(city.length), cities.get(city === '' ? province : city) ?? []);
  return district === undefined ? [province, city] : [province, city, district];
}

function fromOtherStart(text: string): readonly string[] {
  const start = firstCity(text);
  const [province, city, ofCounty] = otherStarts.get(start) ?? [];
  if (province === undefined || city === undefined) return [];
  const districts = provinces.get(province)?.get(city) ?? [];
  const district = ofCounty ?? startOf(text.slice(start.length), districts);
  return district === undefined ? [province, city] : [province, city, district];
}

function keepLevels(levels: number): (value: string | null) => string | null {
  return (value) => (value === null ? null : divisionsOf(value).slice(0, levels).join('') + '***');
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
