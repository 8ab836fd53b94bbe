/**
 * A token that breaks a rule. The detail names the rule, header or claim; nothing of the token's content
 * goes into it, because it is sent to the caller and written to logs.
 */
import { WeirError } from '../errors.js';

export function tokenInvalid(detail: string, cause?: unknown): WeirError {
  return new WeirError('token-invalid', { detail, cause });
}
