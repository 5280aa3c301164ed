import { type Actor, type Claim, ended, type PrincipalId, type RecordDraft, standing } from '@countersign/contracts';
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

// The members of a row that decide something, as records state them (docs/adr/0043).

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

/** Each set of intents has its own, so that one that was recorded and not kept stands in nobody's way. */
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

/** A person showed who they are: in a new session, or once more in one that goes on. */
export function sessionStarted(
  from: From,
  session: StoredSession,
  facts: {
    readonly institution: string;
    /** Of the secret in its cookie. */
    readonly secretHash: Buffer;
    readonly method: string;
    readonly goesOn: boolean;
    readonly address: string | undefined;
    readonly zone?: string | undefined;
    readonly certificate?: string | undefined;
  },
): RecordDraft {
  const { of, content } = sessionClaim(session, facts.secretHash);
  return {
    id: newId('record', from),
    type: 'session.started',
    source,
    outcome: 'permit',
    subject: { id: session.person, institution: facts.institution },
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

/** In a session, an assertion was made for intents: it counts for them alone. */
export function sessionSteppedUp(
  from: From,
  made: StepUp,
  facts: Place & {
    readonly person: PrincipalId;
    readonly institution: string;
    readonly method: string;
    readonly tier: Tier;
    readonly intents: readonly Digest[];
    readonly reason: string | undefined;
    readonly nonce: string;
  },
): RecordDraft {
  const { of, content } = stepUpClaim(made);
  return {
    id: newId('record', from),
    type: 'session.stepped-up',
    source,
    outcome: 'permit',
    subject: { id: facts.person, institution: facts.institution },
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
  /** Where it was for intents, with the code of what asked for more. */
  readonly intents?: readonly Digest[] | undefined;
  readonly askedFor?: string | undefined;
}

/** Somebody who was established was not let in, or not for these intents. */
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
  return {
    ...defined({ address, zone, device }),
  };
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
