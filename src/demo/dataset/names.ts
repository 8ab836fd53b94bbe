/**
 * People's names: surnames about as frequent as they are in China, compound surnames somewhat more
 * so that they are seen, names of two to four characters, a few that are not Han Chinese.
 */
import { Weighted, weights, type Random } from './random.js';

// Per ten thousand people.
const surnames = new Weighted(
  weights(`
    王 725 李 719 张 683 刘 538 陈 453 杨 308 黄 223 赵 229 吴 205 周 212 徐 167 孙 154 马 129 朱 126 胡 131 郭 115 何 117 林 118
    高 121 罗 86 郑 85 梁 85 谢 79 宋 81 唐 65 许 66 邓 64 韩 68 冯 64 曹 58 彭 58 曾 59 肖 59 田 56 董 51 潘 46 袁 54 蔡 53 蒋 50
    余 48 于 53 杜 47 叶 48 程 51 魏 47 苏 47 吕 46 丁 43 任 42 卢 45 姚 41 沈 44 钟 39 姜 40 崔 38 谭 38 陆 37 范 37 汪 36 廖 36
    石 35 金 34 韦 33 贾 33 夏 31 付 30 方 30 邹 30 熊 29 白 28 孟 28 秦 27 邱 27 侯 27 江 26 尹 25 薛 25 闫 24 雷 23 段 23 龙 22
    黎 22 史 21 陶 21 贺 21 毛 20 郝 20 顾 20 龚 19 邵 19 万 19 钱 19 覃 18 武 18 戴 18 莫 17 孔 17 向 17 汤 17 常 16 温 15 康 15
    施 15 文 14 牛 14 樊 14 葛 13 邢 13 安 12 齐 12 庞 11 颜 11 倪 11 庄 10 聂 10 章 10 鲁 10 岳 10 翟 10 申 9 欧 9 耿 9 关 9
    兰 9 焦 9 俞 9 左 8 柳 8 甘 8 祝 7 包 7 宁 7 尚 7 符 6 舒 6 阮 6 纪 6 梅 6 童 6 凌 6 毕 6 单 5 季 5 裴 5 霍 5 涂 5 成 5 苗 5
    欧阳 42 上官 12 司马 11 诸葛 10 司徒 8 皇甫 6 慕容 6 尉迟 4 令狐 4 夏侯 4 东方 4 长孙 3 端木 3 公孙 3 宇文 3 轩辕 2 南宫 2 独孤 2
  `),
);

const givenOfMen = [
  ...'伟强磊军勇杰涛明超刚平辉鹏飞波斌宇浩凯健俊博帆毅翔宁鑫峰建国志华文东海庆林新生亮成龙永康世海山仁波贵福',
];
const givenOfWomen = [
  ...'芳娜敏静秀丽艳娟霞玲桂兰英梅红莉燕婷雪琳慧颖洁倩璐瑶蕾薇菲萍云莲真环爱妹香月莺媛珊莎锦黛青妍茜秋影凤',
];
const firstOfTwo = [
  ...'子宇浩梓雨欣思嘉俊佳诗一晓志文建国海明春玉永德天立家正美淑秀雅若语依可心怡沐晨景承书泽奕',
];
const givenOfToday = [
  '子涵',
  '欣怡',
  '梓涵',
  '浩然',
  '宇轩',
  '一诺',
  '沐宸',
  '浩宇',
  '若汐',
  '梓萱',
  '雨桐',
  '思远',
];

const latin = [
  'Michael Chen',
  'Anna Müller',
  'David Wang',
  'Sophie Martin',
  'James O’Brien',
  'Elena Petrova',
  'Kevin Liu',
  'Maria García',
  'Tom Lee',
  'Grace Ho',
];
const withDot = [
  '阿依古丽·买买提',
  '古丽娜尔·艾合买提',
  '买买提江·吐尔逊',
  '扎西·多吉',
  '卓玛·央金',
  '巴特尔·其木格',
];

export function personName(random: Random, surname = surnames.draw(random)): string {
  const kind = random.below(1000);
  if (kind < 5) return random.pick(latin);
  if (kind < 9) return random.pick(withDot);
  return surname + givenName(random);
}

/** Someone of the same household: often of the same surname. */
export function relativeName(random: Random, name: string): string {
  const surname = surnameOf(name);
  return surname !== undefined && random.chance(55) ? surname + givenName(random) : personName(random);
}

/** Other words for a person that people put in the receiver's field. */
export function informalName(random: Random, name: string): string {
  const surname = surnameOf(name);
  return surname === undefined ? name : surname + random.pick(['先生', '女士', '小姐', '老师']);
}

function givenName(random: Random): string {
  const kind = random.below(100);
  const last = random.chance(50) ? givenOfMen : givenOfWomen;
  if (kind < 14) return random.pick(last);
  if (kind < 26) return random.pick(givenOfToday);
  return random.pick(firstOfTwo) + random.pick(last);
}

const compound = new Set(
  '欧阳 上官 司马 诸葛 司徒 皇甫 慕容 尉迟 令狐 夏侯 东方 长孙 端木 公孙 宇文 轩辕 南宫 独孤'.split(' '),
);

function surnameOf(name: string): string | undefined {
  if (!/^\p{Script=Han}{2,4}$/u.test(name)) return undefined;
  const two = name.slice(0, 2);
  return compound.has(two) ? two : name.slice(0, 1);
}
