/** Telephone numbers as customers type them: mobiles mostly, some landlines with area code, some with +86. */
import type { Random } from './random.js';

const prefixes = (
  '130 131 132 133 134 135 136 137 138 139 150 151 152 153 155 156 157 158 159 ' +
  '173 175 176 177 178 180 181 182 183 184 185 186 187 188 189 191 193 198 199'
).split(' ');

/** Area codes; those of three digits and of the big cities go with eight digits, the rest with seven. */
const areaCodes: Readonly<Record<string, string>> = {
  北京市: '010',
  上海市: '021',
  天津市: '022',
  重庆市: '023',
  广州市: '020',
  南京市: '025',
  武汉市: '027',
  成都市: '028',
  西安市: '029',
  沈阳市: '024',
  杭州市: '0571',
  宁波市: '0574',
  温州市: '0577',
  苏州市: '0512',
  无锡市: '0510',
  济南市: '0531',
  青岛市: '0532',
  福州市: '0591',
  厦门市: '0592',
  深圳市: '0755',
  东莞市: '0769',
  佛山市: '0757',
  长沙市: '0731',
  郑州市: '0371',
  合肥市: '0551',
  南昌市: '0791',
  石家庄市: '0311',
  太原市: '0351',
  大连市: '0411',
  长春市: '0431',
  哈尔滨市: '0451',
  南宁市: '0771',
  昆明市: '0871',
  贵阳市: '0851',
  兰州市: '0931',
};
const sevenDigits = new Set(['0931']);

export function mobile(random: Random): string {
  return random.pick(prefixes) + random.digits(8);
}

/** @param city full name; a landline only where the city's area code is known */
export function phoneOf(random: Random, city: string): string {
  const area = areaCodes[city];
  if (area !== undefined && random.chance(6)) {
    const number = String(random.between(2, 8)) + random.digits(sevenDigits.has(area) ? 6 : 7);
    return random.chance(85) ? `${area}-${number}` : `${area}${number}`;
  }
  const number = mobile(random);
  const grouped = `${number.slice(0, 3)} ${number.slice(3, 7)} ${number.slice(7)}`;
  const manner = random.below(1000);
  if (manner < 18) return `+86${number}`;
  if (manner < 28) return `+86 ${grouped}`;
  if (manner < 36) return `+86-${number}`;
  if (manner < 42) return grouped;
  return number;
}

export function lastFour(phone: string): string {
  return phone.replace(/\D/g, '').slice(-4);
}
