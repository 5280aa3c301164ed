import {
  type Actor,
  type Claim,
  ended,
  type Institution,
  type PrincipalId,
  type RecordDraft,
  standing,
} from '@countersign/contracts';
import {
  type AuthenticatorId,
  type Clock,
  type Digest,
  defined,
  newId,
  type Random,
  type SessionId,
  sha256Base64Url,
  toInstant,
} from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import { type About, subjectOf } from '../authenticators/records.ts';
import type { StoredSession } from './session-store.ts';
import type { StepUp } from './step-up-store.ts';

/** A verified sign-in. `authTime`: milliseconds since the epoch, if not now. */
export interface VerifiedSignIn
  extends Omit<StoredSession, 'id' | 'authTime' | 'lastSeenAt' | 'absoluteEndAt' | 'expiresAt'> {
  readonly institution: Institution;
  readonly method: string;
  readonly authTime?: number | undefined;
  /** SHA-256 of the certificate, base64url. */
  readonly certificate: string | undefined;
  readonly address: string | undefined;
  readonly zone?: string | undefined;
  /** For a step-up. */
  readonly stepUp?: {
    readonly intents: readonly Digest[];
    readonly reason: string | undefined;
    readonly nonce: string;
  };
}

// Row members that a record confirms (docs/adr/0043).

export const sessionThing = (id: SessionId): string => `session:${id}`;

/** @param secretHash of the cookie that opens it */
export function sessionClaim(session: StoredSession, secretHash: Buffer): Claim {
  return {
    of: sessionThing(session.id),
    content: {
      secret: secretHash.toString('base64url'),
      person: session.person,
      acr: session.acr,
      amr: [...session.amr],
      auth_time: session.authTime,
      ends_at: session.absoluteEndAt,
      directory_version: session.directoryVersion,
      tier: session.tier,
      device: session.device ?? null,
      authenticator: session.authenticator ?? null,
      issuer: session.issuer ?? null,
    },
  };
}

/** One claim per set of intents, so a step-up that was recorded but not stored blocks no other. */
export function stepUpClaim(made: StepUp): Claim {
  return {
    of: `step-up:${made.session}:${sha256Base64Url([...made.intents].sort().join())}`,
    content: {
      intents: [...made.intents].sort(),
      acr: made.acr,
      amr: [...made.amr],
      auth_time: made.authTime,
      ends_at: made.expiresAt,
      authenticator: made.authenticator ?? null,
    },
  };
}

const source = 'authentication';
type From = { readonly clock: Clock; readonly random: Random };

export function sessionStarted(
  from: From,
  session: StoredSession,
  facts: Pick<VerifiedSignIn, 'institution' | 'method' | 'certificate' | 'address' | 'zone'> & {
    readonly secretHash: Buffer;
    readonly goesOn: boolean;
  },
): RecordDraft {
  const { of, content } = sessionClaim(session, facts.secretHash);
  return {
    id: newId('record', from),
    type: 'session.started',
    source,
    outcome: 'permit',
    subject: { id: session.person, institution: facts.institution.lei },
    authentication: {
      ...defined({ issuer: session.issuer }),
      method: facts.method,
      acr: session.acr,
      amr: session.amr,
      authTime: Math.floor(session.authTime / 1000),
    },
    ...whereOf({ ...facts, device: session.device }),
    standing: [standing(of, content)],
    data: {
      session: session.id,
      tier: session.tier,
      goes_on: facts.goesOn,
      ends_at: toInstant(session.absoluteEndAt),
      ...defined({ authenticator: session.authenticator, certificate: facts.certificate }),
    },
  };
}

export function sessionSteppedUp(
  from: From,
  made: StepUp,
  facts: Omit<VerifiedSignIn, 'stepUp'> & NonNullable<VerifiedSignIn['stepUp']>,
): RecordDraft {
  const { of, content } = stepUpClaim(made);
  return {
    id: newId('record', from),
    type: 'session.stepped-up',
    source,
    outcome: 'permit',
    subject: { id: facts.person, institution: facts.institution.lei },
    authentication: {
      method: facts.method,
      acr: made.acr,
      amr: made.amr,
      authTime: Math.floor(made.authTime / 1000),
    },
    ...whereOf(facts),
    standing: [standing(of, content)],
    data: {
      session: made.session,
      tier: facts.tier,
      intents: facts.intents,
      nonce: facts.nonce,
      ends_at: toInstant(made.expiresAt),
      ...defined({ asked_for: facts.reason, authenticator: made.authenticator }),
    },
  };
}

export interface RefusedFacts extends Place, About {
  readonly method: string;
  readonly reason: string;
  readonly tier: Tier;
  readonly authenticator?: AuthenticatorId | undefined;
  /** For intents, with the code of the request for more. */
  readonly intents?: readonly Digest[] | undefined;
  readonly askedFor?: string | undefined;
}

export function sessionRefused(from: From, facts: RefusedFacts): RecordDraft {
  return {
    id: newId('record', from),
    type: facts.intents === undefined ? 'session.refused' : 'session.step-up-refused',
    source,
    outcome: 'deny',
    reason: facts.reason,
    subject: subjectOf(facts),
    authentication: { method: facts.method },
    ...whereOf(facts),
    data: {
      tier: facts.tier,
      ...defined({ authenticator: facts.authenticator, intents: facts.intents, asked_for: facts.askedFor }),
    },
  };
}

interface Place {
  readonly address: string | undefined;
  readonly zone?: string | undefined;
  readonly device?: string | undefined;
}

function whereOf({ address, zone, device }: Place): Pick<RecordDraft, 'address' | 'zone' | 'device'> {
  return defined({ address, zone, device });
}

export function sessionEnded(
  from: From,
  session: { readonly id: SessionId; readonly person: PrincipalId },
  reason: string,
  by?: Actor,
): RecordDraft {
  return {
    id: newId('record', from),
    type: 'session.ended',
    source,
    outcome: 'done',
    subject: { id: session.person },
    ...(by === undefined ? {} : { actors: [by] }),
    standing: [ended(sessionThing(session.id))],
    data: { session: session.id, reason: reason.slice(0, 200) },
  };
}
