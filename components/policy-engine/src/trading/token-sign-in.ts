import { type Actor, type AuditLog, type Directory, policyErrors } from '@countersign/contracts';
import { type CodedError, defined, type Json, membersOf, type RecordId } from '@countersign/kernel';
import type { TokenHolders } from './refused-before.ts';
import type { TradingInput } from './trading-input.ts';

/** Sign-in, client, interface and actors of a token, from our own record. */
export interface RecordedToken {
  readonly known: Pick<TradingInput['context'], 'acr' | 'authTime' | 'device' | 'client' | 'audience'>;
  readonly holders: TokenHolders;
}

/**
 * Reads sign-in and actors of a token from the record of its issue, which the enforcement point names. Claims of an enforcement
 * point about a sign-in are ignored, because they could lift a required step-up.
 * @param asked.caller must own an interface in the token's audience, unless it is the operator
 * @throws CodedError `evaluation_invalid` if the record is not of a valid token of this subject for an interface of the caller
 */
export async function readToken(
  record: RecordId,
  asked: { readonly principal: string; readonly caller: Actor; readonly isOperator: boolean; readonly at: number },
  { audit, directory }: { readonly audit: Pick<AuditLog, 'find'>; readonly directory: Pick<Directory, 'snapshot'> },
): Promise<RecordedToken> {
  const found = (await audit.find(record))?.record;
  if (found === undefined || (found.type !== 'token.issued' && found.type !== 'token.exchanged')) throw refused();
  const { subject, audience = [], authentication, outcome, data, client, device, actors = [] } = found;
  if (outcome !== 'permit' || subject?.id !== asked.principal || expiryIn(data) <= asked.at / 1000) throw refused();
  const snapshot = directory.snapshot();
  const own = audience.find((uri) => snapshot.resource(uri)?.institution === asked.caller.institution);
  const reached = own ?? (asked.isOperator ? audience[0] : undefined);
  if (reached === undefined || client === undefined) throw refused();
  const { acr, authTime } = authentication ?? {};
  return {
    known: {
      client,
      audience: reached,
      ...defined({ acr, authTime, device }),
    },
    holders: { actors: actors.map(({ id }) => id) },
  };
}

/** Expiry in seconds since the epoch; a record without one counts as expired. */
function expiryIn(data: Json | undefined): number {
  const exp = membersOf(membersOf(data)?.['claims'])?.['exp'];
  return typeof exp === 'number' ? exp : Number.NEGATIVE_INFINITY;
}

function refused(): CodedError {
  return policyErrors.error(
    'evaluation_invalid',
    'context.evidence must be the claim evidence of an unexpired token of the subject for one of your interfaces.',
  );
}

/** Tolerated clock difference; a sign-in further in the future has no valid age. */
const clockSkewSeconds = 60;

/** @returns whole seconds; undefined without a sign-in or for an invalid time */
export function ageOfSignIn({
  at,
  authTime,
}: {
  readonly at: number;
  readonly authTime?: number | undefined;
}): number | undefined {
  if (authTime === undefined) return undefined;
  const age = Math.floor(at / 1000) - authTime;
  return age < -clockSkewSeconds || !Number.isSafeInteger(age) ? undefined : Math.max(age, 0);
}
