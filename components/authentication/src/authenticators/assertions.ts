import { authenticationErrors, authenticatorErrors, type PrincipalId } from '@countersign/contracts';
import { type CodedError, isCodedError, newId, sha256Base64Url } from '@countersign/kernel';
import type { WebAuthnSignature } from '@countersign/webauthn';
import { type Assertion, readAssertion, verifyAuthentication } from '@countersign/webauthn/ceremonies';
import { standingOf } from '../standing.ts';
import type { AuthenticatorRow } from './authenticator-store.ts';
import type { Parts } from './dependencies.ts';
import { isSomebodyElses } from './proven-authenticators.ts';
import { authenticatorIdOf } from './recorded-authenticator.ts';
import { aboutPerson, type RefusedCeremony, refused } from './records.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';
import { afterSuspicion, suspect } from './suspicion.ts';

/** What an assertion is verified against. Its challenge has already been consumed. */
export interface AssertionNeed {
  readonly ceremony: Exclude<RefusedCeremony, 'registration' | 'invitation'>;
  /** AuthenticationResponseJSON, or its text. */
  readonly credential: unknown;
  /** Base64url. */
  readonly challenge: string;
  /** When it was shown, milliseconds since the epoch. */
  readonly askedAt: number;
  /** The person it must belong to; any person when left out. */
  readonly person: PrincipalId | undefined;
  /** Accepted authentication classes; all when left out. */
  readonly acrValues?: readonly string[];
  readonly statementType?: string;
  readonly address?: string | undefined;
}

export interface AcceptedAssertion {
  readonly authenticator: StoredAuthenticator;
  /** By the current rules and metadata. */
  readonly acr: string;
  readonly signature: WebAuthnSignature;
}

/** Codes of refusals. Any other error is an internal failure, and nothing was decided. */
const refusals: ReadonlySet<string> = new Set([
  ...Object.keys(authenticatorErrors.codes),
  ...Object.keys(authenticationErrors.codes),
]);

export function isRefusal(error: unknown): error is CodedError {
  return isCodedError(error) && refusals.has(error.code);
}

/** Verifies assertions for sign-ins and statements (WebAuthn Level 3 section 7.2). */
export function createAssertions(parts: Parts) {
  const { audit, things, directory, clock, settings, rules, authenticators, locks } = parts;

  async function find(assertion: Assertion): Promise<AuthenticatorRow | undefined> {
    const stored = await authenticators.find(Buffer.from(assertion.credentialId, 'base64url'));
    // A process may have died after recording a key and before writing its row: its first use writes the row.
    return stored ?? things.find(authenticatorIdOf(assertion.credentialId));
  }

  async function judge(
    assertion: Assertion,
    stored: AuthenticatorRow | undefined,
    { challenge, person, acrValues }: AssertionNeed,
  ): Promise<AcceptedAssertion> {
    if (stored === undefined || stored.removedAt !== undefined || (person ?? stored.person) !== stored.person)
      throw authenticatorErrors.error('credential_unknown', 'This key is not registered, or not to you.');
    if (stored.suspendedAt === undefined && !(await things.counts(stored.id, stored))) {
      const settled = await find(assertion);
      if (settled?.suspendedAt !== undefined && settled.removedAt === undefined) await afterSuspicion(parts, settled);
      throw authenticatorErrors.error('credential_unknown', 'This key is not registered, or not to you.', {
        internal: 'its row is not what the log says',
      });
    }
    // Section 7.2, step 6: where nobody had been named, the key must say whose it is.
    if (assertion.userHandle === undefined ? person === undefined : assertion.userHandle !== stored.userHandle)
      throw authenticatorErrors.error('credential_unknown', 'The key does not say that it is of this person.');
    const verified = await verifyAuthentication({
      assertion,
      challenge,
      relyingParty: settings.relyingParty,
      registered: stored,
    });
    if (stored.suspendedAt !== undefined)
      throw authenticatorErrors.error('counter_rolled_back', 'This key counts for nothing until it is replaced.');
    const found = standingOf(directory.snapshot(), stored.person);
    if (found.standing !== 'may-act') throw authenticationErrors.error(found.code, 'This person may not act.');
    if (await locks.isLockedNow(stored.person))
      throw authenticatorErrors.error('account_locked', 'The account is locked.');
    // The directory now has the same key for another principal, so the signer is ambiguous.
    if (isSomebodyElses(parts, stored))
      throw authenticatorErrors.error('credential_shared', 'This key belongs to somebody else too. Register another.');
    // A role assigned later may require a stronger key.
    const judgement = rules.judge(stored, found.person.roles);
    if (!judgement.ok)
      throw authenticatorErrors.error('authenticator_too_weak', judgement.detail, { internal: judgement.code });
    const acr = rules.acrOf(stored);
    if (acrValues?.includes(acr) === false)
      throw authenticatorErrors.error('authenticator_too_weak', 'This asks for a stronger key than this one.');
    // Compared and stored in one statement: of two assertions with the same count, on any nodes, one comes from a copy.
    if (!(await authenticators.use(stored.id, verified.counter, clock.now())))
      throw authenticatorErrors.error('counter_rolled_back', 'The key has counted back: there may be a copy of it.', {
        facts: { counter: verified.counter },
      });
    return { authenticator: stored, acr, signature: verified.signature };
  }

  /**
   * Suspends a key that has counted back, unless its answer can have been overtaken: of two pages that are open at once, the second
   * may be answered first. A question that was asked after that answer excuses nothing: the one key would have counted further.
   */
  async function suspectOrExcuse(
    refusal: CodedError,
    stored: StoredAuthenticator,
    askedAt: number,
  ): Promise<CodedError> {
    if (refusal.code !== 'counter_rolled_back') return refusal;
    const counter = refusal.facts?.['counter'];
    if (typeof counter === 'number' && (await authenticators.wasOvertaken(stored.id, counter, askedAt)))
      return authenticatorErrors.error('answer_overtaken', 'The key has answered something else since. Confirm again.');
    await suspect(parts, stored);
    return refusal;
  }

  return {
    /**
     * Accepts an assertion once everything about it holds, and writes down its use.
     *
     * @throws CodedError of `authenticatorErrors`, or `person_unknown`, `institution_not_issued` (recorded before as
     *   `authenticator.refused`); `log_unavailable`
     */
    async accept(need: AssertionNeed): Promise<AcceptedAssertion> {
      let stored: AuthenticatorRow | undefined;
      let assertion: Assertion | undefined;
      try {
        assertion = readAssertion(need.credential);
        stored = await find(assertion);
        return await judge(assertion, stored, need);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const refusal = stored === undefined ? error : await suspectOrExcuse(error, stored, need.askedAt);
        await this.refuse(refusal.code, need, stored, assertion);
        throw refusal;
      }
    },
    /** Records an assertion that was not verified because its challenge was already used. */
    async refuseReplayed(need: Pick<AssertionNeed, 'ceremony' | 'credential' | 'address'>): Promise<void> {
      let assertion: Assertion | undefined;
      try {
        assertion = readAssertion(need.credential);
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
      const stored = assertion === undefined ? undefined : await find(assertion);
      await this.refuse('challenge_unknown', { ...need, person: undefined }, stored, assertion);
    },
    /** Records the refusal of an assertion. */
    async refuse(
      reason: string,
      need: Pick<AssertionNeed, 'ceremony' | 'person' | 'statementType' | 'address'>,
      stored?: StoredAuthenticator,
      assertion?: Assertion,
    ): Promise<void> {
      const person = stored?.person ?? need.person;
      await audit.append(
        refused(newId('record', parts), reason, {
          about: person === undefined ? undefined : aboutPerson(directory, person),
          ceremony: need.ceremony,
          authenticator: stored?.id,
          credentialSha256:
            stored === undefined && assertion !== undefined
              ? sha256Base64Url(Buffer.from(assertion.credentialId, 'base64url'))
              : undefined,
          statementType: need.statementType,
          address: need.address,
        }),
      );
    },
  };
}

export type Assertions = ReturnType<typeof createAssertions>;
