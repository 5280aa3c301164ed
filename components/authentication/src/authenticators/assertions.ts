import { authenticationErrors, authenticatorErrors, type PrincipalId } from '@countersign/contracts';
import { type CodedError, isCodedError, newId, sha256Base64Url } from '@countersign/kernel';
import type { WebAuthnSignature } from '@countersign/webauthn';
import { type Assertion, readAssertion, verifyAuthentication } from '@countersign/webauthn/ceremonies';
import { eligibilityOf } from '../standing.ts';
import type { AuthenticatorRow } from './authenticator-store.ts';
import type { Parts } from './dependencies.ts';
import { isKeyOfAnother } from './proven-authenticators.ts';
import { authenticatorIdOf } from './recorded-authenticator.ts';
import { aboutPerson, type RefusedCeremony, refused } from './records.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';
import { afterSuspicion, suspect } from './suspicion.ts';

/** Its challenge has been consumed. */
export interface AssertionNeed {
  readonly ceremony: Exclude<RefusedCeremony, 'registration' | 'invitation'>;
  /** AuthenticationResponseJSON, or its text. */
  readonly credential: unknown;
  /** Base64url. */
  readonly challenge: string;
  /** When it was shown, milliseconds since the epoch. */
  readonly askedAt: number;
  /** Any person if undefined. */
  readonly person: PrincipalId | undefined;
  /** All if undefined. */
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

/** Any other error is an internal failure. */
const refusals: ReadonlySet<string> = new Set([
  ...Object.keys(authenticatorErrors.codes),
  ...Object.keys(authenticationErrors.codes),
]);

export function isRefusal(error: unknown): error is CodedError {
  return isCodedError(error) && refusals.has(error.code);
}

/** WebAuthn Level 3 section 7.2. */
export function createAssertions(parts: Parts) {
  const { audit, things, directory, clock, settings, rules, authenticators, locks } = parts;

  async function find(assertion: Assertion): Promise<AuthenticatorRow | undefined> {
    const stored = await authenticators.find(Buffer.from(assertion.credentialId, 'base64url'));
    // If the process stopped before writing the row of a key, its first use writes it.
    return stored ?? things.find(authenticatorIdOf(assertion.credentialId));
  }

  async function judge(
    assertion: Assertion,
    stored: AuthenticatorRow | undefined,
    { challenge, person, acrValues }: AssertionNeed,
  ): Promise<AcceptedAssertion> {
    if (stored === undefined || stored.removedAt !== undefined || (person ?? stored.person) !== stored.person)
      throw authenticatorErrors.error('credential_unknown', 'This key is not registered for you.');
    if (stored.suspendedAt === undefined && !(await things.counts(stored.id, stored))) {
      const settled = await find(assertion);
      if (settled?.suspendedAt !== undefined && settled.removedAt === undefined) await afterSuspicion(parts, settled);
      throw authenticatorErrors.error('credential_unknown', 'This key is not registered for you.', {
        internal: 'its row differs from the log',
      });
    }
    // Section 7.2, step 6.
    if (assertion.userHandle === undefined ? person === undefined : assertion.userHandle !== stored.userHandle)
      throw authenticatorErrors.error('credential_unknown', 'The key does not identify this person.');
    const { relyingParty } = settings;
    const verified = await verifyAuthentication({ assertion, challenge, relyingParty, registered: stored });
    if (stored.suspendedAt !== undefined)
      throw authenticatorErrors.error('counter_rolled_back', 'This key is suspended. Replace it.');
    const found = eligibilityOf(directory.snapshot(), stored.person);
    if (found.status !== 'eligible') throw authenticationErrors.error(found.code, 'This person may not act.');
    if (await locks.isLockedNow(stored.person))
      throw authenticatorErrors.error('account_locked', 'The account is locked.');
    // Otherwise the signer would be ambiguous.
    if (isKeyOfAnother(parts, stored))
      throw authenticatorErrors.error(
        'credential_shared',
        'This key also belongs to another principal. Register another key.',
      );
    // A role assigned later may require a stronger key.
    const judgement = rules.judge(stored, found.person.roles);
    if (!judgement.ok)
      throw authenticatorErrors.error('authenticator_too_weak', judgement.detail, { internal: judgement.code });
    const acr = rules.acrOf(stored);
    if (acrValues?.includes(acr) === false)
      throw authenticatorErrors.error('authenticator_too_weak', 'This needs a stronger key.');
    // In one statement: of two assertions with the same count, one comes from a copy.
    if (!(await authenticators.use(stored.id, verified.counter, clock.now())))
      throw authenticatorErrors.error(
        'counter_rolled_back',
        'The counter of the key went back. There may be a copy of it.',
        {
          facts: { counter: verified.counter },
        },
      );
    return { authenticator: stored, acr, signature: verified.signature };
  }

  /** Suspends the key, unless a later page was answered first. */
  async function suspectOrExcuse(
    refusal: CodedError,
    stored: StoredAuthenticator,
    askedAt: number,
  ): Promise<CodedError> {
    if (refusal.code !== 'counter_rolled_back') return refusal;
    const counter = refusal.facts?.['counter'];
    if (typeof counter === 'number' && (await authenticators.wasOvertaken(stored.id, counter, askedAt)))
      return authenticatorErrors.error('answer_overtaken', 'A later page was confirmed first. Confirm again.');
    await suspect(parts, stored);
    return refusal;
  }

  return {
    /**
     * Accepts a valid assertion and stores its use. @throws CodedError of `authenticatorErrors`, recorded; `log_unavailable`
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
    /** Records an assertion with a used challenge. */
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
    async refuse(
      reason: string,
      need: Pick<AssertionNeed, 'ceremony' | 'person' | 'statementType' | 'address'>,
      stored?: StoredAuthenticator,
      assertion?: Assertion,
    ): Promise<void> {
      const person = stored?.person ?? need.person;
      const unknown = stored === undefined && assertion !== undefined ? assertion.credentialId : undefined;
      await audit.append(
        refused(newId('record', parts), reason, {
          about: person === undefined ? undefined : aboutPerson(directory, person),
          ...{
            ceremony: need.ceremony,
            authenticator: stored?.id,
            statementType: need.statementType,
            address: need.address,
          },
          credentialSha256: unknown === undefined ? undefined : sha256Base64Url(Buffer.from(unknown, 'base64url')),
        }),
      );
    },
  };
}

export type Assertions = ReturnType<typeof createAssertions>;
