/** The list of divisions as a tree, and how an address is brought to its form; for both forms of the address masks. */
import { DIVISION_LINES } from './divisions.js';
import { unseen } from './plain-text.js';

/** Province → its cities → their districts. A province that is its own city (municipality, SAR) has no other. */
export const provinces: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> = readTree(
  DIVISION_LINES,
);

export const municipalities: readonly string[] = [...provinces.keys()].filter((name) => name.endsWith('市'));

/** No division, with all that may stand in it, is longer. Code points. */
export const maxCharacters = 64;

/** May stand in front of the province. */
export const country = '中国';

/** Of the text, so many code points are looked at. */
export const maxText = 4 * maxCharacters;

/** What may stand anywhere in an address: what does not show, and what separates the divisions in lists. */
export const separators = `${unseen}-,.:/|>_~·—–，。：；、／－．｜＞＿～;`;

/** What an address is labelled with, and its postcode: no division begins with any of these. */
export const labels = '0123456789０１２３４５６７８９收货件寄送到至地址在住[]()【】（）';

/**
 * Endings of cities besides 市, each as what makes a 市 of it in a text of the same length; and at last what takes
 * it away again: 东方市场 is a market.
 */
export const cityEndings = [
  ['自治州', '自治市'],
  ['地区', '地市'],
  ['林区', '林市'],
  ['盟', '市'],
  ['县', '市'],
  ['市场', '卖场'],
] as const;

/** The text up to the first ending of a city; empty where there is none. */
export function firstCity(text: string): string {
  const alike = cityEndings.reduce((inner, [from, to]) => inner.replaceAll(from, to), text);
  return text.slice(0, alike.indexOf('市') + 1);
}

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

/** A province as people shorten it: 浙江, 内蒙古, 广西. */
function shortName(province: string): string {
  return province.replace(/(省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$/u, '');
}

/**
 * Other ways in which an address may begin, each up to the first ending of a city, and the divisions that are
 * meant: a city without its province or with the province shortened, a city of county rank (昆山市) without
 * the city above it. No two cities of the country, of either rank, share a name. Left out are the three whose
 * name holds an ending before its own (辉县市): they are known in full alone.
 */
export const otherStarts: ReadonlyMap<string, readonly string[]> = new Map(
  [...provinces].flatMap(([province, cities]) =>
    [...cities].flatMap(([city, districts]) => {
      const short = shortName(province);
      const ofCounty = districts.filter((district) => district.endsWith('市'));
      const starts = ofCounty.flatMap((district) =>
        [district, short + district, province + district].map((start) =>
          entry(start, province, city, district),
        ),
      );
      if (city !== province) starts.push(entry(city, province, city), entry(short + city, province, city));
      return starts.filter(([start]) => firstCity(start) === start);
    }),
  ),
);

function entry(start: string, ...divisions: string[]): [string, readonly string[]] {
  return [start, divisions];
}
