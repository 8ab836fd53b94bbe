/**
 * Addresses in real administrative divisions; streets, compounds and numbers are made up. Most are
 * written out in full, some as hurried people write them.
 */
import { DIVISION_LINES } from '../../mask/divisions.js';
import { Weighted, weights, type Random } from './random.js';

export interface Place {
  readonly province: string;
  readonly city: string;
  /** Undefined where the city has none. */
  readonly district: string | undefined;
  readonly region: string;
}

export interface Address {
  readonly place: Place;
  readonly text: string;
}

const regions: readonly (readonly [string, string])[] = [
  ['华东', '上海市 江苏省 浙江省 安徽省 福建省 江西省 山东省 台湾省'],
  ['华南', '广东省 广西壮族自治区 海南省 香港特别行政区 澳门特别行政区'],
  ['华北', '北京市 天津市 河北省 山西省 内蒙古自治区'],
  ['华中', '河南省 湖北省 湖南省'],
  ['西南', '重庆市 四川省 贵州省 云南省 西藏自治区'],
  ['西北', '陕西省 甘肃省 青海省 宁夏回族自治区 新疆维吾尔自治区'],
  ['东北', '辽宁省 吉林省 黑龙江省'],
];
const regionOf = new Map(
  regions.flatMap(([region, provinces]) => provinces.split(' ').map((name) => [name, region])),
);

// Millions of people, the coast somewhat heavier: it orders more. Absent: the shop does not deliver there.
const provinceWeights = weights(`
  广东省 150 山东省 100 河南省 92 江苏省 110 四川省 84 河北省 72 湖南省 66 浙江省 105 安徽省 61 湖北省 58 广西壮族自治区 48
  云南省 46 江西省 45 辽宁省 43 福建省 52 陕西省 40 贵州省 36 山西省 35 重庆市 33 黑龙江省 30 新疆维吾尔自治区 24 甘肃省 23 上海市 48
  吉林省 23 内蒙古自治区 23 北京市 44 天津市 18 海南省 10 宁夏回族自治区 7 青海省 6 西藏自治区 3 香港特别行政区 2 澳门特别行政区 1
`);

interface City {
  readonly province: string;
  readonly city: string;
  readonly districts: readonly string[];
}

const places = new Map<string, Weighted<City>>();
for (const [province] of provinceWeights) {
  const cities = DIVISION_LINES.split('\n')
    .map((line) => line.split(' '))
    .filter((words) => words[0] === province)
    .map(([, city, ...districts]): City => ({ province, city: city as string, districts }));
  // The first of a province is its capital; a unit without districts is a small one.
  places.set(
    province,
    new Weighted(cities.map((each, i) => [each, i === 0 ? 4 : each.districts.length > 0 ? 2 : 1])),
  );
}
const provinces = new Weighted(provinceWeights);

const streets = (
  '文三路 解放路 人民路 中山路 建设路 和平路 新华路 胜利路 长江路 黄河路 学院路 文化路 滨江大道 迎宾大道 朝阳街 光明街 东风路 环城西路 ' +
  '环城北路 体育场路 教工路 古墩路 创业大道 科技路 工业大道 幸福街 青年路 花园路 龙腾路 凤起路 延安路 健康路 兴业街 友谊路 站前路 湖滨路 ' +
  '桃园路 金水路 石桥路 莲花路 南京路 北京路 府前街 育才路 江滨路 五一路 八一路 民生路 天府大道 世纪大道'
).split(' ');
const compounds = (
  '翠苑小区 阳光花园 金色家园 万和城 锦绣江南 御景湾 东方名城 湖畔花园 书香门第 丽景苑 世纪新城 幸福里 香樟园 春江花月 嘉和苑 紫金华府 ' +
  '景湖时代城 学府雅居 怡景花园 盛世华庭 碧水云天 江南春城 星河湾 云顶公寓 水岸名都 凤凰新村 建工新村 铁路小区 教师新村 和谐家园'
).split(' ');
const offices =
  '科技大厦 创新中心 国际商务中心 软件园 财富广场 环球大厦 银座 时代广场 信息产业园 电商产业园 华联大厦 中央公馆写字楼'.split(
    ' ',
  );
const towns = '城关镇 河口镇 东山镇 石门镇 清水镇 双河镇 龙泉镇 新安镇 太平镇 柳林镇 白马乡 青山乡'.split(
  ' ',
);
const villages = '王家村 李庄村 新民村 前进村 东湾村 上河村 大槐树村 杨柳村 石坪村 红星村'.split(' ');
const notes = ['（菜鸟驿站）', '（丰巢柜）', ' 门卫室代收', '（快递放超市）', '，靠近地铁口'];

export function drawPlace(random: Random): Place {
  const province = provinces.draw(random);
  const { city, districts } = (places.get(province) as Weighted<City>).draw(random);
  const district = districts.length === 0 ? undefined : random.pick(districts);
  return { province, city, district, region: regionOf.get(province) as string };
}

/** @param near in the same city as this */
export function drawAddress(random: Random, near?: Place): Address {
  const place = near ?? drawPlace(random);
  return { place, text: heading(random, place) + detail(random, place) };
}

function heading(random: Random, { province, city, district }: Place): string {
  // A municipality is its own city and is written once.
  const parts = province === city ? [province] : [province, city];
  if (district !== undefined) parts.push(district);
  const manner = random.below(100);
  if (manner < 5) return `${parts.join(' ')} `;
  if (manner < 9 && parts.length > 2) return parts.slice(1).join('');
  if (manner < 11) return parts.map((part) => part.replace(/[省市]$/, '')).join('');
  return parts.join('');
}

function detail(random: Random, place: Place): string {
  const rural = /[县旗]$/.test(place.district ?? place.city);
  if (rural && random.chance(45)) {
    return `${random.pick(towns)}${random.pick(villages)}${random.between(1, 18)}组${random.between(1, 160)}号`;
  }
  const street = `${random.pick(streets)}${random.between(1, 990)}号`;
  const floor = random.between(1, 32);
  const room = `${floor}${String(random.between(1, 6)).padStart(2, '0')}`;
  const note = random.chance(4) ? random.pick(notes) : '';
  if (random.chance(22)) {
    const office = random.pick(offices);
    const tower = random.chance(40) ? random.pick(['A座', 'B座', 'C座', '3号楼']) : '';
    return `${street}${office}${tower}${random.chance(50) ? `${floor}层` : ''}${room}室${note}`;
  }
  const building = `${random.between(1, 36)}${random.pick(['幢', '栋', '号楼'])}`;
  const unit = random.chance(70) ? `${random.between(1, 4)}单元` : '';
  return `${street}${random.pick(compounds)}${building}${unit}${room}${random.chance(60) ? '室' : ''}${note}`;
}
