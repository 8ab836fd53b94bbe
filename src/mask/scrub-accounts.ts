/** E-mail addresses, also those that are spelt out (zhangsan 艾特 qq 点 com), and what follows the name of a messenger. */
import { spansOf, type Folded, type Span } from './scrub-fold.js';

const word = '[A-Za-z0-9_%+-]';
const email = new RegExp(
  `(?:${word}{1,30} )?${word}[A-Za-z0-9._%+-]{0,63} {0,2}(?:@|[(\\[]at[)\\]]| at |艾特) {0,2}` +
    `[A-Za-z0-9-]{1,63}(?: {0,2}(?:\\.|。|点|[(\\[]dot[)\\]]| dot ) {0,2}[A-Za-z0-9-]{1,63}){0,4}` +
    ` {0,2}(?:\\.|。|点|[(\\[]dot[)\\]]| dot ) {0,2}[A-Za-z]{2,24}`,
  'giu',
);
const messenger =
  '微信|威信|薇信|卫星|微x|weixin|we ?chat|(?<![a-z])(?:vx|wx|v信|v ?❤)|(?:[加+]|我的?) ?v|加微|扣扣|(?<![a-z])qq|企鹅|抖音|快手|小红书|支付宝|alipay|whatsapp|telegram';
const account = new RegExp(
  `(?:${messenger})(?:账号|帐号|号|id|是|为|同号|联系|名|加|一下|[^\\p{L}\\p{N}]){0,6}([a-z0-9][a-z0-9_.-]{4,40})`,
  'giu',
);

export function* accountsIn({ text }: Folded): Generator<Span> {
  yield* spansOf(email, text);
  yield* spansOf(account, text);
}
