/**
 * Who may vouch for a caller: one configuration per token issuer. Symmetric algorithms and "none" are
 * not in the list of what can be configured; everything else about an issuer is said here and fixed
 * once the gateway runs.
 */

/** Where a claim stands: names joined by dots ("realm_access.roles"). A path with "://" is one name (https://shop.example/roles). */
export type ClaimPath = string;

export interface ClaimPaths {
  readonly person: ClaimPath;
  readonly displayName: ClaimPath;
  readonly tool: ClaimPath;
  readonly roles: ClaimPath;
  readonly scope: ClaimPath;
  readonly act: ClaimPath;
}

export type JwksSource = { readonly url: string } | { readonly file: string };

export interface IssuerConfig {
  /** The `iss` claim, compared byte for byte. */
  readonly issuer: string;
  readonly jwks: JwksSource;
  /** Must stand in the `aud` claim, byte for byte. */
  readonly audience: string;
  /** A key without an `alg` of its own is used with the first of these that fits its type, and only with that. */
  readonly algorithms: readonly string[];
  /** Accepted `typ` headers, compared without regard to case. */
  readonly typ: readonly string[];
  readonly claims: ClaimPaths;
}

export const supportedAlgorithms: readonly string[] = Object.freeze([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]);

export const defaultAlgorithms: readonly string[] = Object.freeze([
  'RS256',
  'PS256',
  'ES256',
  'ES384',
  'EdDSA',
]);

/** RFC 9068 §2.1. Issuers that write plain "JWT" need it named in their configuration. */
export const defaultTokenTypes: readonly string[] = Object.freeze(['at+jwt', 'application/at+jwt']);

export const defaultClaimPaths: ClaimPaths = Object.freeze({
  person: 'sub',
  displayName: 'name',
  tool: 'client_id',
  roles: 'roles',
  scope: 'scope',
  act: 'act.sub',
});

/** Says what is wrong with an issuer's configuration, naming options and never their values. Empty: nothing. */
export function issuerFaults(config: IssuerConfig): string[] {
  const faults: string[] = [];
  if (config.issuer === '') faults.push('issuer is empty');
  if (config.audience === '') faults.push('audience is empty');
  if (config.algorithms.length === 0) faults.push('algorithms is empty');
  if (!config.algorithms.every((name) => supportedAlgorithms.includes(name)))
    faults.push(`algorithms may hold ${supportedAlgorithms.join(', ')} and nothing else`);
  if (config.typ.length === 0 || config.typ.includes('')) faults.push('typ is empty');
  for (const [name, path] of Object.entries(config.claims))
    if (pathNames(path).includes('')) faults.push(`claims.${name} is not a claim path`);
  if ('url' in config.jwks) faults.push(...urlFaults(config.jwks.url));
  else if (config.jwks.file === '') faults.push('jwks.file is empty');
  return faults;
}

export function pathNames(path: ClaimPath): readonly string[] {
  return path.includes('://') ? [path] : path.split('.');
}

/** Keys that travel in clear can be swapped on the way, and whoever swaps them signs as anybody. */
function urlFaults(text: string): string[] {
  if (!URL.canParse(text)) return ['jwks.url is not a URL'];
  const url = new URL(text);
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const faults: string[] = [];
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback))
    faults.push('jwks.url must be https (http only on the loopback address)');
  if (url.username !== '' || url.password !== '') faults.push('jwks.url must not hold credentials');
  return faults;
}
