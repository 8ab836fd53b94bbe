/**
 * Addresses inside free text, from the street or the building down. Anchors are what only stands in an
 * address (文三路12号, 3幢, 8-2-1102, 402室); from each the address is followed to both sides: forward
 * through further units, back through the names in front, up to punctuation or a word that leads an address
 * in (送到, 地址是). A division alone (杭州西湖区) is none, nor is a floor (放5楼).
 */
import { spansOf, type Folded, type Span } from './scrub-fold.js';

const number = '[0-9〇零一二三四五六七八九十百]{1,6}';
const road =
  '(?:路|街|巷子?|弄|胡同|坊|(?<![知报通频赛管味渠地轨])道|(?<![这那家哪心公屋])里|(?<![时间这那阶片分一])段)';
const building =
  '(?:大厦|广场|中心|大楼|写字楼|住院部|酒店|宾馆|医院|公寓|商城|宿舍|校区|小区|花园|科技园|软件园|创意园|产业园)';
const estate = '[苑园区城里庭居府院湾墅郡都国际村庄阁轩]';

/** Whose it is, or which, is no name. */
const named =
  '(?<![我你他她咱]们?|本|这个?|那个?|哪个?|整个?|同个?|每个?|各个?|隔壁|其他|附近|旁边|公司|单位|学校|学生|员工|职工|商业|办公|老|旧|新|进|出|是|有|不让?进)(?<=(?:(?![在到放去住送寄给的是我你他她们这那哪本整同每各个])[\\u4e00-\\u9fff]){2})';

const anchors = [
  `${road}(?:[东南西北中][段路街]?|[一二三四五六七八九]段|甲|乙|丙|支|附| ){0,3}${number} ?(?:号|弄|院|#)`,
  `${number} ?(?:幢|栋|号楼|号院|# ?楼|舍(?!友)|单元)`,
  `[0-9]{1,3}#(?=[0-9])`,
  `(?<![A-Za-z])[A-Za-z][0-9]{0,2} ?(?:座|栋|幢|号楼)`,
  `[0-9]{3,4} ?(?:室|房(?![价子租贷产]))`,
  `[〇零一二三四五六七八九]{3,4}室`,
  `(?<![0-9][^\\p{L}\\p{N}]{0,6})[0-9]{1,3}[-—–][0-9]{1,2}[-—–][0-9]{3,4}(?![^\\p{L}\\p{N}]{0,6}[0-9])`,
  `${estate}[0-9]{1,3}[-—–][0-9]{3,4}(?![0-9-])`,
  `${building}[A-Za-z]?(?:[0-9]{3,4}(?![0-9元块件])|${number}(?:楼|层|F|f|床|号))`,
  `(?:村|社|屯|庄|镇|大队)${number} ?(?:组|队|号)`,
  `(?:旁边|边上|隔壁|对面)${number}号`,
  `${number}弄`,
  `(?<=[\\u4e00-\\u9fff])${number}小区`,
  `${estate}[0-9]{1,3}[-—–][0-9]{1,4}[A-Za-z](?![A-Za-z0-9])`,
  `(?<![A-Za-z])T[0-9]{1,2}(?:座|栋|楼)?[ -]?[0-9]{3,4}(?![0-9元块件个])`,
  `SOHO(?: ?[A-Z]?[0-9]{1,2}(?:座|栋|楼)?)?(?:[ -]?[0-9]{3,4})?(?![0-9])`,
  // By name alone: an estate or a house, a village of which something follows.
  `${named}(?:小区|花园|家园|公寓|大厦|新村|华庭|公馆|山庄|雅苑|佳苑|名苑|嘉园|豪庭)`,
  `(?<![政公])[苑庭府湾墅郡阁轩](?=菜鸟|丰巢|快递柜|驿站|物业|门卫|岗亭|保安|[东南西北]门|门口|大门)`,
  // Two divisions and what lies in them.
  `[省市区县州旗盟][\\u4e00-\\u9fff]{1,6}[市区县旗镇乡][\\u4e00-\\u9fff]{1,8}(?:路|街道?|巷|村|镇|乡|大道|社区|屯)(?![上人边])`,
  `(?<=[送放到住][ :]?)[A-Za-z]?[0-9]{1,2}-[0-9]{3,4}(?![0-9元块度克件-])`,
  `(?<![0-9A-Za-z])[0-9]{1,2}[A-Za-z][0-9]{0,2}室(?![内外])`,
  `${named}村(?=[口头尾东西南北]|委会|村?组)`,
  `${number}楼 ?(?:[0-9]{3,4}|${number}号)`,
  `${number}排${number}号`,
  `[0-9]{3,4}号(?![线色])`,
  `(?<=^|[放在到住去,，。 ：:；;])(?:(?![在到放去住])[\\u4e00-\\u9fff]){2,4}(?:路|街|大道)(?=[\\u4e00-\\u9fff]{0,8}(?:对面|旁边|附近|城|广场|中心|大厦|柜|店|口))`,
  `[城园区府苑湾庭居郡都][一二三四五六]期`,
  `${road}(?:和|与|跟|、)[\\u4e00-\\u9fff]{1,8}${road}(?:交叉|交界)?口`,
];
const anchor = new RegExp(anchors.map((one) => `(?:${one})`).join('|'), 'gu');

/** What an address goes on with: further units, and numbers that need no word. */
const units = new RegExp(
  `^(?:[ -]?(?:[A-Za-z]?${number} ?(?:号楼|号院|号|弄|幢|栋|座|单元|室|房间|房|楼|层|组|床|舍|#|F(?![a-z]))|[A-Za-z](?:座|栋|区)|[A-Za-z]?[0-9]{1,4}(?![0-9元块件个])|[〇零一二三四五六七八九]{3,4}(?![\\u4e00-\\u9fff])|间|楼))*`,
  'u',
);
/** A place by name behind the number of a house, as far as it is told from what comes next. */
const place = /^[\u4e00-\u9fff]{1,12}/u;
const afterPlace =
  /楼下|门口|门卫|前台|保安|快递|物业|菜鸟|丰巢|驿站|谢谢|签收|代收|旁边|那个|电话|联系|[我你他她放请收等打别送到找给的]/u;
const leadIn =
  /(?:送到|送至|送去|寄到|寄至|寄去|改到|改送|改成|改为|变更为|换成|地址|搬家|住在|住|公司|学校|单位|我家|在|到|是|送|寄|转|(?<!解)放|给|去|请|麻烦|补充)/gu;
const longestFront = 40;

const labelled =
  /(?:门牌号?码?|房号|房间号?|室号|楼栋号?|楼号|单元号|邮编|邮政编码)(?:[^\p{L}\p{N}]|是|为|改成|改为){0,4}[\u4e00-\u9fff]{0,6}?([甲乙丙丁A-Za-z]?[0-9][0-9A-Za-z-]{0,9}号?)/gu;
const english = new RegExp(
  `(?<![A-Za-z0-9])(?:(?:no|room|rm|unit|apt|apartment|building|bldg|flat|suite|tower|block)(?:\\.| |#|no\\.){0,3}[A-Za-z]?[0-9]{1,5}[A-Za-z]?(?![A-Za-z0-9])|(?:tower|block|building|flat|unit|room|rm|apt) [A-Z](?![A-Za-z0-9])|[0-9]{1,2}-chome(?:[- ]?[0-9]{1,3}){0,3}(?: [A-Z][a-z]{1,20}){0,3}` +
    `|[0-9]{1,5} (?:[A-Z][A-Za-z']{0,20} ){1,4}(?:road|rd|street|st|avenue|ave|lane|boulevard|blvd|drive|way)(?![a-z])(?:,? (?:apt|unit|suite|ste|room|rm|fl)\\.? ?#?[A-Za-z0-9-]{1,6})?(?: [A-Z][A-Za-z]{1,20}){0,2})` +
    `(?: ?(?:[A-Z][A-Za-z']{0,20} ){0,3}(?:road|rd|street|st|avenue|ave|lane)(?![a-z]))?(?: ?, ?[A-Za-z0-9' ./]{1,40})*`,
  'giu',
);

/** Told to be an address, and something of it looks so. */
const told =
  /地址(?:已|要|需)?(?:改|更正|变更|更改|换|修改|补充)?(?:为|成|是|到|至|[:：])[:： ]{0,3}((?=[^，。；;,\n]{0,40}[路街巷弄号楼栋幢室镇乡村省市县])[^，。；;,\n]{6,60})/gu;

export function* addressesIn({ text }: Folded): Generator<Span> {
  let end = 0;
  for (const [start, anchorEnd] of spansOf(anchor, text)) {
    if (anchorEnd <= end) continue;
    const from = Math.max(frontOf(text, start), 0);
    end = backOf(text, anchorEnd);
    yield [from, end];
  }
  yield* spansOf(told, text);
  yield* spansOf(labelled, text);
  yield* spansOf(english, text);
}

function backOf(text: string, from: number): number {
  const afterUnits = from + unitsAt(text, from);
  const named = place.exec(text.slice(afterUnits, afterUnits + 12))?.[0] ?? '';
  const stop = named.search(afterPlace);
  const afterName = afterUnits + (stop === -1 ? named.length : stop);
  return afterName + (stop === -1 ? unitsAt(text, afterName) : 0);
}

function unitsAt(text: string, from: number): number {
  return units.exec(text.slice(from, from + 60))?.[0].length ?? 0;
}

function frontOf(text: string, from: number): number {
  let start = from;
  while (start > 0 && from - start < longestFront) {
    const before = text.charAt(start - 1);
    const joins = /[ ,，、-]/u.test(before) && /[省市区县州镇乡村旗盟道]/u.test(text.charAt(start - 2));
    if (!/[\u4e00-\u9fffA-Za-z0-9#·-]/u.test(before) && !joins) break;
    start -= 1;
  }
  const last = [...text.slice(start, from).matchAll(leadIn)].at(-1);
  return last === undefined ? start : start + last.index + last[0].length;
}
