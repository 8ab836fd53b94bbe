import type { DataClass, MaskName } from './model.js';

const fitting: Readonly<Record<DataClass, readonly MaskName[]>> = {
  none: ['clear'],
  'order-number': ['clear', 'order-number'],
  name: ['clear', 'surname'],
  phone: ['clear', 'last4', 'middle'],
  address: ['clear', 'province', 'city', 'district'],
  email: ['clear'],
  'id-number': ['clear'],
  'free-text': ['clear'],
  amount: ['clear'],
};

export function masksForClass(dataClass: DataClass): readonly MaskName[] {
  return fitting[dataClass];
}
