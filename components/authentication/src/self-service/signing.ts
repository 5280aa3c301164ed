import {
  type AskedStatement,
  authenticatorErrors,
  hardwareAcr,
  type PrincipalId,
  type SignedStatement,
} from '@countersign/contracts';
import { type Clock, defined, type Json, type Random } from '@countersign/kernel';
import { credentialFieldName } from '@countersign/runtime';
import type { RunningAuthenticators } from '../authenticators/authenticators.ts';
import { addStatementType } from '../authenticators/registrations.ts';

export const changeTypes = {
  add: addStatementType,
  rename: 'countersign-authenticator-rename+webauthn',
  remove: 'countersign-authenticator-remove+webauthn',
  endSession: 'countersign-session-end+webauthn',
  endOtherSessions: 'countersign-session-end-others+webauthn',
} as const;

export interface Change {
  readonly kind: keyof typeof changeTypes;
  readonly about: Readonly<Record<string, Json>>;
}

export interface SigningDependencies {
  readonly authenticators: Pick<RunningAuthenticators, 'of' | 'ask' | 'consume'>;
  readonly clock: Clock;
  readonly random: Random;
}

const lifeSeconds = 300;

/** Each change of an account is signed afresh, so that an open browser alone changes nothing. */
export function createSigning({ authenticators, clock, random }: SigningDependencies) {
  /** Changes to keys need the strongest key of the person; ending sessions accepts any. */
  async function classesFor({ kind }: Change, person: PrincipalId): Promise<readonly string[] | undefined> {
    if (kind === 'endSession' || kind === 'endOtherSessions') return undefined;
    const theirs = await authenticators.of(person);
    return theirs.some(({ acr, suspendedAt }) => acr === hardwareAcr && suspendedAt === undefined)
      ? [hardwareAcr]
      : undefined;
  }

  return {
    /** Undefined if the person has no suitable key. */
    async ask(person: PrincipalId, change: Change): Promise<AskedStatement | undefined> {
      const acrValues = await classesFor(change, person);
      const iat = Math.floor(clock.now() / 1000);
      const claims = {
        ...{ typ: changeTypes[change.kind], iss: person, person, iat, exp: iat + lifeSeconds },
        jti: Buffer.from(random.bytes(16)).toString('base64url'),
        ...change.about,
      };
      try {
        return await authenticators.ask({ person, claims, lifeSeconds, ...defined({ acrValues }) });
      } catch (error) {
        if (authenticatorErrors.is(error, 'authenticator_none')) return undefined;
        throw error;
      }
    },

    /** Accepts a signature over exactly this change. @throws CodedError of `authenticatorErrors` */
    async consume(person: PrincipalId, change: Change, fields: ReadonlyMap<string, string>): Promise<SignedStatement> {
      const statement = await authenticators.consume({
        handle: fields.get('handle'),
        person,
        credential: fields.get(credentialFieldName),
      });
      const { claims } = statement;
      const isThis =
        claims.typ === changeTypes[change.kind] &&
        Object.entries(change.about).every(([name, value]) => JSON.stringify(claims[name]) === JSON.stringify(value));
      if (!isThis)
        throw authenticatorErrors.error(
          'challenge_mismatch',
          'You signed a different change. Open the page again and repeat it.',
        );
      return statement;
    },
  };
}

export type Signing = ReturnType<typeof createSigning>;
