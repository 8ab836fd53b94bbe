/**
 * E-mail addresses, also those that are spelt out (zhangsan 艾特 qq 点 com) or have lost their @, what follows the
 * name of a messenger or a marketplace, names of accounts as only machines make them (tb829_2013), and links.
 */
import { spansOf, type Folded, type Span } from './scrub-fold.js';

const word = '[A-Za-z0-9_%+-]';
const point = '(?:\\.|。|点|[(\\[]dot[)\\]]| dot )';
const email = new RegExp(
  `(?:${word}{1,30} )?${word}[A-Za-z0-9._%+-]{0,63} {0,2}(?:@|[(\\[]at[)\\]]| at |艾特) {0,2}` +
    `[A-Za-z0-9-]{1,63}(?: {0,2}${point} {0,2}[A-Za-z0-9-]{1,63}){0,4}` +
    ` {0,2}${point} {0,2}[A-Za-z]{2,24}`,
  'giu',
);
/** A provider of mail names itself; what stands in front is somebody's. */
const mailbox = new RegExp(
  `${word}[A-Za-z0-9._%+-]{1,63}[^A-Za-z0-9\\u4e00-\\u9fff]{1,3}(?:qq|163|126|139|189|yeah|sina|sohu|gmail|hotmail|outlook|foxmail|aliyun|icloud|yahoo|live|msn)` +
    ` ?${point} ?(?:com|cn|net)(?![a-z0-9])`,
  'giu',
);
const link =
  /(?:https?:\/\/|www\.)[A-Za-z0-9][\x21-\x7e]{2,300}|(?<![A-Za-z0-9])(?:t|wa|line)\.me\/[\x21-\x7e]{2,100}/giu;

const messenger =
  '[微威薇徽维卫嶶溦][信芯星心]|微[❤♥x]|薇(?=[^\\u4e00-\\u9fff])|wei ?xin|wei信|we ?chat|(?<![a-z])(?:v ?x|w ?x|v信|v ?[❤♥])' +
  '|[加+➕][\\u4e00-\\u9fff]{0,3} ?v(?![a-z])|我的?v(?![a-z])|加[微薇]|绿泡泡|扣扣|抠抠|(?<![a-z])qq|(?<![a-z])q(?=群|号|[^a-z0-9\\u4e00-\\u9fff]|[0-9]{5})|企鹅' +
  '|抖音|快手|小红书|支付宝|旺旺|淘宝|天猫|拼多多|闲鱼|咸鱼|京东|钉钉|飞书|微博|陌陌|b站|alipay|whatsapp|telegram|(?<![a-z])tg(?![a-z])' +
  '|instagram|skype|facebook|twitter|kakao(?:talk)?|昵称|网名|用户名|账号|帐号|账户|帐户';
/** Words as well: what follows has to look like an account. */
const wordOrMessenger = '(?<![a-z])(?:ins|line|fb)(?![a-z])|备注名?|(?<=[\\u4e00-\\u9fff])v';
const filler =
  '(?:账号|帐号|账户|帐户|号码?|id|是|为|叫|同号|联系|昵称|名字?|加|一下|群|[^\\p{L}\\p{N}]){0,6}';
const account = new RegExp(`(?:${messenger})${filler}([a-z0-9][a-z0-9_.:-]{4,40})`, 'giu');
const likelyAccount = new RegExp(
  `(?:${wordOrMessenger})${filler}((?=[a-z.:-]{0,40}[0-9_])[a-z][a-z0-9_.:-]{4,40})`,
  'giu',
);
/** In Chinese as well, where a colon says that the name follows. */
const nickname = /(?:旺旺|昵称|网名|用户名|会员名|买家id)(?:名|号|是)? ?[:：] ?([\p{L}\p{N}_-]{2,24})/giu;
/** Nobody writes an underscore in a word but that of an account. */
const underscored =
  /(?<![A-Za-z0-9])(?=[A-Za-z0-9.-]{0,30}[A-Za-z])[A-Za-z0-9.-]{1,30}(?:_[A-Za-z0-9.-]{1,30}){1,4}/gu;

export function* accountsIn({ text }: Folded): Generator<Span> {
  for (const pattern of [email, mailbox, link, account, likelyAccount, nickname])
    yield* spansOf(pattern, text);
  for (const [start, end] of spansOf(underscored, text)) if (end - start >= 6) yield [start, end];
}
