/**
 * How demo keys are told from real ones: by the beginning of their `kid`. Only a gateway that was
 * started as a demo loads them.
 */
export const demoKeyPrefix = 'weir-demo-';

export function isDemoKeyId(kid: string): boolean {
  return kid.startsWith(demoKeyPrefix);
}
