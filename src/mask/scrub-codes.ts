/**
 * Short numbers that say by the word in front of them what they are: codes that open a door or fetch a parcel,
 * numbers of documents, short numbers of phones, birthdays.
 */
import { spansOf, type Folded, type Span } from './scrub-fold.js';

const between = '(?:号码?|号|是|为|改成|换成|[^\\p{L}\\p{N}]){0,4}';
const code = new RegExp(
  `(?:取[件货]码|提货码|自提码|取餐码|验证码|校验码|密码|口令|暗号|动态码|核销码|兑换码|券码|卡密|(?<![a-z])pin)${between}([a-z]?[0-9][0-9a-z#*-]{2,20})`,
  'giu',
);
const dialled = new RegExp(
  `(?:电话|座机|固话|热线|短号|分机|小号|总机|致电|(?<![a-z])(?:tel|phone|ext))${between}([0-9]{3,6}(?:-[0-9]{1,6})?)(?![0-9]|[年月日号点时次遍元块件个:%][^\\p{L}]?|[A-Za-z])`,
  'giu',
);
const documented = new RegExp(
  `(?:身份证|护照|通行证|回乡证|台胞证|港澳证|军官证|士兵证|驾照|驾驶证|行驶证|学生证|学号|工号|会员卡?号?|社保卡?|医保卡?|病历|证件|档案)${between}((?:军字第)?[A-Z]{0,2} ?[0-9](?:[ -]?[0-9A-Z]){4,24}号?)`,
  'giu',
);
const born =
  /(?:生日|出生(?:日期|年月日?|于)?)(?:是|为|在|[^\p{L}\p{N}]){0,3}((?:(?:19|20)?[0-9]{2} ?[-/.年] ?)?(?:1[0-2]|0?[1-9]) ?[-/.月] ?(?:3[01]|[12][0-9]|0?[1-9])(?![0-9])[日号]?|(?:19|20)[0-9]{6}(?![0-9]))/gu;

const bornOn =
  /((?:1[0-2]|0?[1-9]) ?[-/.月] ?(?:3[01]|[12][0-9]|0?[1-9])[日号]?) ?(?:是|过)?(?:[他她]|客户|会员|孩子)?的?生日(?![用前礼])/gu;

export function* codesIn({ text }: Folded): Generator<Span> {
  for (const pattern of [code, dialled, documented, born, bornOn]) yield* spansOf(pattern, text);
}
