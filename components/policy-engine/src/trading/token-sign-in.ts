import { type Actor, type AuditLog, type Directory, policyErrors } from '@countersign/contracts';
import type { CodedError, RecordId } from '@countersign/kernel';
import type { TokenHolders } from './revoked.ts';
import type { TradingInput } from './trading-input.ts';

/** How somebody signed in, for which client and interface, and who else holds the token, as our own record says. */
export interface RecordedToken {
  readonly known: Pick<TradingInput['context'], 'acr' | 'authTime' | 'device' | 'client' | 'audience'>;
  readonly holders: TokenHolders;
}

/**
 * How the subject of a token signed in and who holds it, as the record of its issue has it. An enforcement point names the record; its own
 * word about a sign-in would lift what a stronger sign-in lifts, and is not taken.
 *
 * @param asked.institution of the caller: the token came to an interface of its own, unless it is the operator
 * @throws CodedError `evaluation_invalid` where the record is of no token of this subject that lives and came to the caller
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
      ...(acr === undefined ? {} : { acr }),
      ...(authTime === undefined ? {} : { authTime }),
      ...(device === undefined ? {} : { device }),
    },
    holders: { actors: actors.map(({ id }) => id) },
  };
}

/** Seconds since the epoch at which the token ends; a record that does not say has none that lives. */
function expiryIn(data: unknown): number {
  const claims = memberOf(data, 'claims');
  const exp = memberOf(claims, 'exp');
  return typeof exp === 'number' ? exp : Number.NEGATIVE_INFINITY;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function refused(): CodedError {
  return policyErrors.error(
    'evaluation_invalid',
    'context.evidence must be the claim evidence of a token of the subject that came to your interface and has not ended.',
  );
}

/** A sign-in may be so much newer than our clock; beyond that its age says nothing. */
const clockSkewSeconds = 60;

/**
 * How long ago somebody had signed in.
 *
 * @param signIn.at milliseconds since the epoch
 * @param signIn.authTime seconds since the epoch
 * @returns whole seconds; undefined where nobody signed in, or at a time that cannot be
 */
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
