/** The list of divisions as a tree, for both forms of the address masks. */
import { DIVISION_LINES } from './divisions.js';

/** Province → its cities → their districts. A province that is its own city (municipality, SAR) has no other. */
export const provinces: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> = readTree(
  DIVISION_LINES,
);

export const municipalities: readonly string[] = [...provinces.keys()].filter((name) => name.endsWith('市'));

/**
 * What address pickers put between the divisions, as the statistical codes do: the level that a
 * municipality does not have, and the one above counties that answer to their province.
 */
export const fillers = {
  municipality: '市辖区',
  countiesOfChongqing: '重庆市县',
  directUnderProvince: '省直辖县级行政区划',
  directUnderRegion: '自治区直辖县级行政区划',
} as const;

function readTree(lines: string): ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> {
  const tree = new Map<string, Map<string, readonly string[]>>();
  for (const line of lines.trim().split('\n')) {
    const [province = '', city = '', ...districts] = line.split(' ');
    const cities = tree.get(province) ?? new Map<string, readonly string[]>();
    tree.set(province, cities.set(city, districts));
  }
  return tree;
}
