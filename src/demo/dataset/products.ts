/** What the shop sells: a fixed list of everyday goods, a few of which sell far more than the rest. */
import { randomFor, Weighted, type Random } from './random.js';

export interface Product {
  readonly sku: string;
  readonly title: string;
  readonly priceCents: number;
}

// Category code, lowest and highest price in yuan, goods, variants.
const categories: readonly (readonly [string, number, number, string, string])[] = [
  [
    'FD',
    12,
    128,
    '新疆灰枣 东北大米 云南小粒咖啡 龙井绿茶 每日坚果 阳澄湖大闸蟹礼券 五常稻花香 武夷岩茶 螺蛳粉 椰子鸡汤料',
    '500g 1kg 礼盒装 家庭装',
  ],
  [
    'HM',
    15,
    260,
    '不锈钢保温杯 乳胶枕 全棉四件套 收纳箱 LED台灯 空气炸锅 电热水壶 硅胶铲套装 浴室防滑垫 遮光窗帘',
    '米白 浅灰 大号 小号',
  ],
  [
    'CL',
    39,
    499,
    '男士长袖衬衫 女士针织开衫 儿童羽绒服 牛仔裤 运动卫衣 羊毛围巾 加绒打底裤 休闲帆布鞋',
    '黑色M 黑色L 藏青XL 米色S',
  ],
  [
    'DG',
    19,
    899,
    '蓝牙耳机 Type-C数据线 充电宝20000mAh 机械键盘 无线鼠标 智能手环 手机支架 高清摄像头',
    '黑色 白色 两只装',
  ],
  ['BB', 25, 398, '婴儿纸尿裤 儿童牙膏 积木玩具 绘本套装 宝宝辅食米粉 奶瓶 儿童安全座椅垫', 'S码 M码 L码'],
  [
    'PC',
    18,
    268,
    '氨基酸洁面乳 玻尿酸面膜 防晒霜SPF50 电动牙刷 洗发水 身体乳 唇膏 护手霜三支装',
    '标准装 旅行装 两瓶装',
  ],
  ['PT', 16, 239, '猫粮 狗粮 猫砂 宠物自动饮水机 逗猫棒套装 宠物航空箱', '2kg 5kg 10kg'],
  [
    'BK',
    22,
    128,
    '小学生新华字典 人体绘本 家常菜谱 世界地图挂图 钢笔礼盒 手账本 考研英语词汇',
    '新版 精装 套装',
  ],
  ['HT', 29, 680, '血压计 护腰带 医用口罩 维生素C咀嚼片 血糖试纸 助听器电池 足浴盆', '一盒 三盒装 家用'],
];

/** The same whatever the seed of the orders. */
export const products: readonly Product[] = categories.flatMap(([code, low, high, goods, variants], c) =>
  goods.split(' ').flatMap((name, g) =>
    variants.split(' ').map((variant, v) => {
      const random = randomFor(20_26, 'catalogue', c * 10_000 + g * 100 + v);
      const yuan = random.between(low, high);
      return {
        sku: `${code}-${String((g + 1) * 100 + v + 1).padStart(5, '0')}`,
        title: `${name} ${variant}`,
        priceCents: yuan * 100 - random.pick([0, 10, 50, 100, 1]),
      };
    }),
  ),
);

// Rank r sells like 1 / (r + 6); the stride spreads the ranks over the categories.
const demand = new Weighted(
  products.map((_, rank): [Product, number] => [
    products[(rank * 89) % products.length] as Product,
    1 / (rank + 6),
  ]),
);

export function drawProduct(random: Random): Product {
  return demand.draw(random);
}
