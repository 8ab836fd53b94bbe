/**
 * The main path. Whatever door a request came by, it goes through here, in this order:
 *
 *     admit → run → commit → release          (or: refuse)
 *
 * Nothing leaves that is not on the log and charged: to the caller, or in a write or a filled request to a service.
 * The order is in the types: `release` (corridor/release.ts) takes the rows and the Receipt for them; only sql/ and
 * services/ make MaskedRows, only log/ makes a Receipt, after its commit. The steps are in corridor/.
 */
import type { Answer, Asked, Corridor, ServiceAnswer, ServiceCorridor } from './access.js';
import { admitCall } from './corridor/admit-call.js';
import { admitRead } from './corridor/admit-read.js';
import { authorise, roleOf } from './corridor/authorise.js';
import { begun, onlyOne, releaseAll } from './corridor/chunks.js';
import { countBefore } from './corridor/count.js';
import { prepare, readyAtOnce } from './corridor/prepare.js';
import { refuse } from './corridor/refusal.js';
import { commitAndRelease } from './corridor/release.js';
import type { Rooms } from './corridor/rooms.js';
import { asWeirError } from './errors.js';
import type { Actor } from './log/directory.js';
import type { RolePolicy } from './policy/model.js';
import { Places } from './sql/places.js';
import { visibleTables } from './sql/visible-tables.js';

export function createCorridor(rooms: Rooms): Corridor & ServiceCorridor {
  const { orders, log } = rooms;
  const places = new Places();

  return {
    /** A read of the order database: its rows come chunk by chunk, each committed before it is released. */
    pass: (request) =>
      visit(request, async (actor, takePlace): Promise<Answer> => {
        const { decision, statement } = admitRead(request, actor, rooms);
        const { role } = decision;
        const leave = takePlace(role);

        const total = await countBefore(statement, decision, orders);
        const cutTo = statement.cut ? role.perRequest : undefined;
        const { columns } = decision;
        const { statementMs, poolShare: percent } = role.cost ?? {};
        const share = { role: role.role, percent };
        if (orders.comesAtOnce(statement)) {
          const rows = await orders.readAtOnce(statement, statementMs, share);
          const released = await commitAndRelease(rows, decision, actor, rooms);
          return { columns, total, cutTo, chunks: onlyOne(released, leave) };
        }
        const rows = orders.read(statement, request, statementMs, share);
        const chunks = await begun(releaseAll(rows, decision, actor, rooms, leave));
        return { columns, total, cutTo, chunks };
      }),

    /** A call of a service. A write, and what a request is filled with, goes this way first: to the service. */
    call: (request, forward) =>
      visit(request, async (actor, takePlace): Promise<ServiceAnswer> => {
        const admitted = admitCall(request, actor, rooms);
        const { decision, call, services } = admitted;
        const { role } = decision;
        const leave = takePlace(role);

        const { outgoing, secrets, answering } =
          readyAtOnce(admitted, request) ?? (await prepare(admitted, request, actor, rooms));
        const { rows, answer, refusal } = await services.run(
          call,
          outgoing,
          forward,
          role.perRequest,
          secrets,
        );
        const released = await commitAndRelease(rows, answering, actor, rooms);
        leave();
        if (refusal !== undefined) throw refusal;
        const { status, contentType, headers } = answer;
        return { status, contentType, headers, rows: released };
      }),

    describe: (asked) => visit(asked, async () => visibleTables(roleOf(asked, rooms), rooms.policies().live)),

    administer: (asked, permission, about) =>
      visit(asked, (actor) =>
        log.recordAdministration(asked, actor, authorise(asked, permission, rooms, about)),
      ),

    async refuse(asked, error) {
      try {
        return await refuse(asked, await arrive(asked), error, rooms);
      } catch (thrown) {
        return asWeirError(thrown);
      }
    },
  };

  /** Somebody whom the log knows does something here. What goes wrong is recorded, and no place stays taken. */
  async function visit<T>(
    asked: Asked,
    work: (actor: Actor, takePlace: (role: RolePolicy) => () => void) => Promise<T>,
  ): Promise<T> {
    const actor = log.directory.known(asked.principal) ?? (await arrive(asked));
    let leave = (): void => undefined;
    try {
      return await work(actor, ({ role, cost }) => (leave = places.take(role, actor.actorId, cost)));
    } catch (thrown) {
      leave();
      throw await refuse(asked, actor, asWeirError(thrown), rooms);
    }
  }

  function arrive({ principal }: Asked): Promise<Actor> {
    return log.directory.identify(principal);
  }
}
