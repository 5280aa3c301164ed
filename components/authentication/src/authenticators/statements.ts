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
import { shownAuthenticator } from './stored-authenticator.ts';

const usualSeconds = 120;
const maxSeconds = 600;

/** The challenge is the digest of what the person was shown. */
export function createStatements(parts: Parts, assertions: Assertions): Statements {
  const { clock, random, directory, settings, rules, authenticators, challenges, locks } = parts;

  /** Currently accepted ones. */
  async function fitting(person: PrincipalId, acrValues: readonly string[] | undefined) {
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
      if (lifeSeconds > maxSeconds) throw new Error(`a statement waits at most ${maxSeconds} seconds`);
      if (await locks.isLockedNow(person))
        throw authenticatorErrors.error('account_locked', 'The account is locked. Contact your administrator.');
      const usable = await fitting(person, acrValues);
      if (usable.length === 0)
        throw authenticatorErrors.error(
          'authenticator_none',
          'You have no suitable security key or passkey. Register one and try again.',
        );
      const handle = newSecret(random);
      const expiresAt = clock.now() + lifeSeconds * 1000;
      const challenge = statementChallenge(claims);
      const about = { claims, ...defined({ acrValues }) };
      await challenges.insert(hashOfSecret(handle), { kind: 'statement', person, challenge, about, expiresAt });
      const { relyingParty } = settings;
      const allow = usable.map(({ credentialId, transports }) => ({ credentialId, transports }));
      const options = authenticationOptions({ relyingParty, challenge, allow, timeoutSeconds: lifeSeconds });
      return { handle, options, expiresAt: toInstant(expiresAt) };
    },

    async consume({ handle, person, credential }): Promise<SignedStatement> {
      const kept = isSecret(handle)
        ? await challenges.consume(hashOfSecret(handle), { kind: 'statement', person, now: clock.now() })
        : undefined;
      if (kept === undefined) {
        await assertions.refuse('challenge_unknown', { ceremony: 'statement', person });
        throw authenticatorErrors.error('challenge_unknown', 'This page has been used or has expired. Open it again.');
      }
      const { claims, acrValues } = kept.about;
      // The challenge was derived from the claims.
      if (statementChallenge(claims) !== kept.challenge) {
        await assertions.refuse('challenge_unknown', { ceremony: 'statement', person, statementType: claims.typ });
        throw authenticatorErrors.error('challenge_unknown', 'The text to be signed was altered. Open the page again.');
      }
      const { authenticator, acr, signature } = await assertions.accept({
        ...{ ceremony: 'statement', credential, person, statementType: claims.typ, ...defined({ acrValues }) },
        ...{ challenge: kept.challenge, askedAt: claims.iat * 1000 },
      });
      return { claims, signature, authenticator: { ...shownAuthenticator(authenticator), acr } };
    },
  };
}
