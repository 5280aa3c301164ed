import {
  type AskedStatement,
  authenticatorErrors,
  type PrincipalId,
  type SignedStatement,
  type Statements,
} from '@countersign/contracts';
import { defined, toInstant } from '@countersign/kernel';
import { statementChallenge } from '@countersign/webauthn';
import { authenticationOptions } from '@countersign/webauthn/ceremonies';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import type { Assertions } from './assertions.ts';
import type { Parts } from './dependencies.ts';
import { type StoredAuthenticator, shownAuthenticator } from './stored-authenticator.ts';

const usualSeconds = 120;
const mostSeconds = 600;

/** Statements: the challenge is the digest of what the person was shown. */
export function createStatements(parts: Parts, assertions: Assertions): Statements {
  const { clock, random, directory, settings, rules, authenticators, challenges, locks } = parts;

  /** The authenticators of a person that would currently be accepted. */
  async function fitting(
    person: PrincipalId,
    acrValues: readonly string[] | undefined,
  ): Promise<readonly StoredAuthenticator[]> {
    const principal = directory.snapshot().principal(person);
    if (principal?.kind !== 'person') return [];
    const all = await authenticators.ofPerson(parts.pool, person);
    return all.filter(
      (each) =>
        each.suspendedAt === undefined &&
        rules.judge(each, principal.roles).ok &&
        acrValues?.includes(rules.acrOf(each)) !== false,
    );
  }

  return {
    async ask({ person, claims, acrValues, lifeSeconds = usualSeconds }): Promise<AskedStatement> {
      if (claims.iss !== person) throw new Error('a statement is signed by the person whom it names as its issuer');
      if (lifeSeconds > mostSeconds) throw new Error(`a statement waits at most ${mostSeconds} seconds`);
      if (await locks.isLockedNow(person))
        throw authenticatorErrors.error('account_locked', 'The account is locked. Ask those who look after accounts.');
      const usable = await fitting(person, acrValues);
      if (usable.length === 0)
        throw authenticatorErrors.error(
          'authenticator_none',
          'You have no security key or passkey that would do for this. Register one, and come back.',
        );
      const handle = newSecret(random);
      const expiresAt = clock.now() + lifeSeconds * 1000;
      const challenge = statementChallenge(claims);
      await challenges.insert(hashOfSecret(handle), {
        kind: 'statement',
        person,
        challenge,
        about: acrValues === undefined ? { claims } : { claims, acrValues },
        expiresAt,
      });
      const { relyingParty } = settings;
      const allow = usable.map(({ credentialId, transports }) => ({ credentialId, transports }));
      const options = authenticationOptions({ relyingParty, challenge, allow, timeoutSeconds: lifeSeconds });
      return { handle, options, expiresAt: toInstant(expiresAt) };
    },

    async consume({ handle, person, credential }): Promise<SignedStatement> {
      const kept = isSecret(handle)
        ? await challenges.take(hashOfSecret(handle), { kind: 'statement', person, now: clock.now() })
        : undefined;
      if (kept === undefined) {
        await assertions.refuse('challenge_unknown', { ceremony: 'statement', person });
        throw authenticatorErrors.error(
          'challenge_unknown',
          'What was to be signed is used up or too old. Open the page again.',
        );
      }
      const { claims, acrValues } = kept.about;
      // The stored claims must be those that the challenge was derived from.
      if (statementChallenge(claims) !== kept.challenge) {
        await assertions.refuse('challenge_unknown', { ceremony: 'statement', person, statementType: claims.typ });
        throw authenticatorErrors.error('challenge_unknown', 'What was to be signed was altered. Open the page again.');
      }
      const { authenticator, acr, signature } = await assertions.accept({
        ceremony: 'statement',
        credential,
        challenge: kept.challenge,
        askedAt: claims.iat * 1000,
        person,
        ...defined({ acrValues }),
        statementType: claims.typ,
      });
      return { claims, signature, authenticator: { ...shownAuthenticator(authenticator), acr } };
    },
  };
}
