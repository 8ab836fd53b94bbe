/** `weir service key`: a fresh private key for principal.keys, on standard output and nowhere else. */
import { makePrincipalKey, type PrincipalAlgorithm } from '../identity/principal-token.js';
import { exitCodes, type CliContext } from './context.js';

export async function serviceKey(
  context: CliContext,
  options: { readonly alg: PrincipalAlgorithm },
): Promise<number> {
  context.io.out(`${makePrincipalKey(options.alg)}\n`);
  return exitCodes.ok;
}
