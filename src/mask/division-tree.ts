/** The list of divisions as a tree, and how an address is brought to its form; for both forms of the address masks. */
import { DIVISION_LINES } from './divisions.js';

/** Province → its cities → their districts. A province that is its own city (municipality, SAR) has no other. */
export const provinces: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> = readTree(
  DIVISION_LINES,
);

export const municipalities: readonly string[] = [...provinces.keys()].filter((name) => name.endsWith('市'));

/** No division, with all that may stand in it, is longer. Code points. */
export const maxCharacters = 64;

/** White space that may stand anywhere in an address. */
export const spaces: readonly string[] = [' ', '\u3000'];

/**
 * What address pickers put between the divisions, as the statistical codes do, and what is left of it: a
 * municipality said twice, the level that it does not have, and the one above counties that answer to
 * their province. Each is looked for with the name in front of it, so that no street matches; applied in
 * this order.
 */
export const fillers: readonly (readonly [string, string])[] = [
  ...municipalities.map((name) => [name + name, name] as const),
  ...municipalities.map((name) => [`${name}市辖区`, name] as const),
  ['重庆市县', '重庆市'],
  ['省省直辖县级行政区划', '省'],
  ['自治区自治区直辖县级行政区划', '自治区'],
];

function readTree(lines: string): ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> {
  const tree = new Map<string, Map<string, readonly string[]>>();
  for (const line of lines.trim().split('\n')) {
    const [province = '', city = '', ...districts] = line.split(' ');
    const cities = tree.get(province) ?? new Map<string, readonly string[]>();
    tree.set(province, cities.set(city, districts));
  }
  return tree;
}
