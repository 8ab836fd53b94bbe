/**
 * What customers write in the remark of an order. Most write nothing; some write what no column of
 * that class would hold: a telephone number, an address, a WeChat id.
 */
import { drawAddress, type Place } from './addresses.js';
import { mobile } from './phones.js';
import type { Random } from './random.js';

const plain = [
  '尽快发货，谢谢',
  '周末送货',
  '工作日送，周末没人',
  '请发顺丰',
  '不要发邮政',
  '放门口就行',
  '放到门口鞋柜上，不用敲门',
  '家里有婴儿，请勿按门铃',
  '生日礼物，麻烦包装好一点',
  '不要放小票',
  '颜色发深一点的',
  '要新日期的',
  '易碎，小心轻放',
  '开发票，抬头个人',
  '和上一单一起发',
  '到了放快递柜',
  '晚上七点以后送',
  '缺货请联系我再换',
  '送人的，别写价格',
  '老顾客了，送点小样吧',
];

/** @param phone of the receiver @returns null where nothing was written */
export function drawRemark(random: Random, place: Place, phone: string): string | null {
  const kind = random.below(1000);
  if (kind < 640) return null;
  if (kind < 900) return random.pick(plain);
  if (kind < 945) return withPhone(random, phone);
  if (kind < 975) return withAddress(random, place);
  if (kind < 990) return random.pick(['加微信', '微信联系 ', 'wx:', '有事加V信']) + weChatId(random);
  return `${random.pick(plain)}，${withPhone(random, phone)}`;
}

function withPhone(random: Random, phone: string): string {
  const number = random.chance(30) ? phone : mobile(random);
  const spaced = `${number.slice(0, 3)} ${number.slice(3, 7)} ${number.slice(7)}`;
  const written = number.length === 11 && random.chance(15) ? spaced : number;
  return random.pick([
    `请打${written}`,
    `白天打不通请打${written}`,
    `送货前联系我爱人${written}`,
    `电话改成${written}`,
    `备用电话：${written}`,
    `${written} 这个号码也可以联系`,
  ]);
}

function withAddress(random: Random, place: Place): string {
  const address = drawAddress(random, place).text;
  return random.pick([
    `地址改成${address}`,
    `放到${address}门口`,
    `如果没人就送到${address}`,
    `放到${random.between(1, 30)}栋${random.between(1, 32)}0${random.between(1, 6)}室门口`,
    `地址写错了，是${address}`,
  ]);
}

function weChatId(random: Random): string {
  if (random.chance(35)) return mobile(random);
  const letters = Array.from({ length: random.between(3, 7) }, () =>
    random.pick([...'abcdefghijklmnopqrstuvwxyz']),
  );
  return `${letters.join('')}${random.pick(['_', '-', ''])}${random.digits(random.between(2, 6))}`;
}
