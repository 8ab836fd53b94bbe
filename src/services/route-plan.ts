/**
 * What is the same for every call of one route under one role's policy, made once: which fields are shown and how,
 * the masking of its answers, and what may stand in a body.
 */
import type { ReleasedColumn } from '../access.js';
import { documentMask, type MaskDocument } from '../mask/document/document-mask.js';
import type { MaskKeys } from '../mask/mask.js';
import { maskOf } from '../mask/masks.js';
import type { Mask } from '../mask/mask.js';
import type { ServicePolicy, ServiceRoute } from '../policy/model.js';
import { unasked } from '../policy/service-only.js';
import { documentShape, withoutFrame } from '../policy/service-shape.js';

export interface RoutePlan {
  readonly policy: ServicePolicy;
  readonly route: ServiceRoute;
  /** Of a call without parameters, as the log has it: "GET /fulfilment/shipments/:id". */
  readonly statement: string;
  /** As the log names them. */
  readonly columns: readonly ReleasedColumn[];
  /** Some shown field has a personal class, so that records are charged. */
  readonly personal: boolean;
  /** @throws DocumentUnfit */
  readonly mask: MaskDocument;
  /** The same without what stands around the records: it tells about records that are not the role's. */
  readonly maskAlone: MaskDocument;
  /** The document is the one record, or there is none. */
  readonly isOne: boolean;
  /** Headers and what stands around the records are about the role's records: it has all of them, or the service is asked for its own. */
  readonly isOwnAround: boolean;
  /** Of the fields that parameters are compared with and the role does not see in clear; undefined: it sees nothing of it. */
  readonly maskOfField: (field: string) => Mask | undefined;
  /** What a service is asked for. */
  readonly accept: string;
}

const accepts = {
  json: 'application/json',
  'json-lines': 'application/x-ndjson',
  csv: 'text/csv',
} as const;

export class RoutePlans {
  readonly #keys: MaskKeys;
  readonly #plans = new WeakMap<ServicePolicy, Map<ServiceRoute, RoutePlan>>();

  constructor(keys: MaskKeys) {
    this.#keys = keys;
  }

  of(policy: ServicePolicy, route: ServiceRoute): RoutePlan {
    let plans = this.#plans.get(policy);
    if (plans === undefined) this.#plans.set(policy, (plans = new Map()));
    let plan = plans.get(route);
    if (plan === undefined) plans.set(route, (plan = this.#compile(policy, route)));
    return plan;
  }

  #compile(policy: ServicePolicy, route: ServiceRoute): RoutePlan {
    const { fields } = policy.service;
    const only = policy.only.map(({ column }) => column);
    const isOwnAround = unasked(route, policy.only).length === 0;
    const alone = documentShape(route, fields.keys(), withoutFrame(policy.see), only);
    const shape = isOwnAround ? documentShape(route, fields.keys(), policy.see, only) : alone;
    const { see } = shape;
    const mask = documentMask(route.answer, shape, this.#keys);
    return {
      policy,
      route,
      statement: `${route.method} ${policy.service.prefix}${route.match.slice(route.match.indexOf(' ') + 1)}`,
      columns: [...see].map(([name, mask]) => ({ name, mask, json: 'verbatim' })),
      personal: [...see.keys()].some((path) => fields.get(path)!.class !== 'none'),
      mask,
      maskAlone:
        only.length > 0 && alone.see.size < see.size ? documentMask(route.answer, alone, this.#keys) : mask,
      isOne: route.answer === 'json' && route.records === '$',
      isOwnAround,
      maskOfField: (field) => {
        const name = policy.see.get(field);
        return name === undefined ? undefined : maskOf(name);
      },
      accept: accepts[route.answer],
    };
  }
}
