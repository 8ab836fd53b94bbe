/**
 * What a read is for: `reason:` and `ticket:` of a role file, and what a request gives of them in the headers
 * Weir-Reason and Weir-Ticket. Only what the role file lets pass is ever recorded, so that neither header can
 * carry anything personal into the log. Pure.
 */
import type { Asked } from '../access.js';
import { WeirError } from '../errors.js';
import type { Purpose, RolePolicy, TicketPolicy } from './model.js';
import type { RoleFile } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain } from './source.js';
import { quote } from '../spelling.js';

export const maxTicketLength = 64;

/** Printable ASCII without the space. */
const ticketForm = /^[\x21-\x7e]{1,64}$/;
/** Where the role gives no pattern, a number that may be called is no ticket. */
const looksLikePhone = /^(?:\+|00)?(?:86-?)?1[3-9](?:-?\d){9}$/;

/** `#` is one digit, `*` any number of characters but at least one, everything else stands for itself. */
export function readTicket(
  written: NonNullable<Partly<RoleFile>>['ticket'],
  complain: Complain,
): TicketPolicy | undefined {
  if (written === undefined) return undefined;
  if (typeof written === 'string') return { required: written === 'required', pattern: undefined };
  const { need, pattern } = written;
  if (pattern !== undefined && !/[#*]/.test(pattern)) {
    const message = `the pattern ${quote(pattern)} lets only one ticket pass`;
    complain(
      ['ticket', 'pattern'],
      'value',
      message,
      'write # for a digit and * for the rest, for example CS-*',
    );
  }
  return { required: need === 'required', pattern };
}

/**
 * @returns what may stand in the entry: words of the role's own, and a ticket of its form
 * @throws WeirError reason-required, ticket-required
 */
export function purposeOf(role: RolePolicy, asked: Pick<Asked, 'reason' | 'ticket'>): Purpose {
  const { reasons, ticket } = role;
  if (reasons === undefined && ticket === undefined) return noPurpose;
  const reason = reasons?.find((word) => word === asked.reason);
  if (reasons !== undefined && reason === undefined) {
    throw new WeirError('reason-required', {
      detail:
        asked.reason === undefined
          ? 'a read of this role must say what it is for'
          : 'the reason is none of those that the role knows',
      hint: `send the header Weir-Reason with one of: ${reasons.join(', ')}`,
    });
  }
  return { reason, ticket: ticketOf(ticket, asked.ticket) };
}

const noPurpose: Purpose = Object.freeze({ reason: undefined, ticket: undefined });

function ticketOf(policy: TicketPolicy | undefined, given: string | undefined): string | undefined {
  if (policy === undefined) return undefined;
  const { required, pattern } = policy;
  if (given === undefined) {
    if (!required) return undefined;
    throw new WeirError('ticket-required', {
      detail: 'a read of this role must name its ticket',
      hint: `send the header Weir-Ticket${pattern === undefined ? '' : ` of the form ${pattern}`}`,
    });
  }
  const sound =
    ticketForm.test(given) && (pattern === undefined ? !looksLikePhone.test(given) : fits(given, pattern));
  if (sound) return given;
  throw new WeirError('ticket-required', {
    detail: 'the ticket is not of the form that tickets have here',
    hint:
      pattern === undefined
        ? `a ticket is 1 to ${maxTicketLength} printable characters without spaces, and no phone number`
        : `a ticket is of the form ${pattern} (# is a digit, * anything), ${maxTicketLength} characters at the most`,
  });
}

/** Without regular expressions of a policy's: the last star takes as much as there is, as file names do it. */
function fits(text: string, pattern: string): boolean {
  // reachable[i]: the pattern so far may have taken the first i characters.
  let reachable = new Set([0]);
  for (const sign of pattern) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (sign === '*') for (let end = at + 1; end <= text.length; end++) next.add(end);
      else if (sign === '#' ? /[0-9]/.test(text[at] ?? '') : text[at] === sign) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(text.length);
}
