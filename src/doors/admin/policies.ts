/**
 * `POST /admin/policies/<digest>/propose` and `…/approve`: two people let a set that shows more take the place of the
 * one in force. Who they are is what their tokens say, under roles of the set in force; both steps are on the
 * access log before they count. A token that somebody else acts through stands for nobody here.
 */
import type { Corridor, Principal } from '../../access.js';
import { asWeirError, WeirError } from '../../errors.js';
import { queryInvalid } from '../http/query-text.js';
import { searchOf } from '../http/routes.js';
import type { AddRoutes } from '../http/server.js';

/** By the whole digest. What it gives is sent as JSON as it is. @throws WeirError policy-unknown, approval-refused */
export type Vouch = (
  digest: string,
  by: { readonly issuer: string; readonly person: string },
) => Promise<object>;

export interface PolicyParts {
  readonly corridor: Corridor;
  readonly propose: Vouch;
  readonly approve: Vouch;
}

export function policiesDoor({ corridor, ...deeds }: PolicyParts): AddRoutes {
  return (app) => {
    for (const deed of ['propose', 'approve'] as const) {
      app.post(`/admin/policies/:digest/${deed}`, { config: { door: 'admin' } }, async (request, reply) => {
        const asked = request.exchange.identified;
        const { digest } = request.params as { digest: string };
        try {
          if (searchOf(request.raw.url ?? '') !== '')
            throw queryInvalid('no parameter is known here', 'leave the query out');
          if (!/^[0-9a-f]{64}$/.test(digest))
            throw queryInvalid('the address names no digest', 'write all 64 hexadecimal digits');
        } catch (thrown) {
          throw await corridor.refuse(asked, asWeirError(thrown));
        }
        await corridor.administer(asked, deed, digest);
        try {
          return await reply.send(await deeds[deed](digest, voucherOf(asked.principal)));
        } catch (thrown) {
          throw await corridor.refuse(asked, asWeirError(thrown));
        }
      });
    }
  };
}

/** @throws WeirError person-required, not-permitted */
function voucherOf({ issuer, person, act }: Principal): { issuer: string; person: string } {
  if (person === undefined) throw new WeirError('person-required');
  if (act !== undefined) {
    throw new WeirError('not-permitted', {
      detail: 'somebody else acts through this token, so it stands for nobody here',
      hint: 'use a token of your own, without the claim act',
    });
  }
  return { issuer, person };
}
