import {
  type Authenticator,
  type AuthenticatorRegister,
  authenticatorErrors,
  type PrincipalId,
  type Statements,
} from '@countersign/contracts';
import { type Clock, digestOf, newId, type Random, type RecordId, toInstant } from '@countersign/kernel';
import { type StatementClaims, statementChallenge, verifyStatement } from '@countersign/webauthn';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';

interface Held {
  readonly authenticator: Authenticator;
  readonly key: SoftwareAuthenticator;
}

/**
 * People's keys with real signatures and verification; statements and register are in memory.
 *
 * @param options.origin of the pages for which they are valid
 */
export function createPeopleKeys({
  clock,
  random,
  origin,
}: {
  readonly clock: Clock;
  readonly random: Random;
  readonly origin: string;
}) {
  const rpId = new URL(origin).hostname;
  const held = new Map<PrincipalId, Held[]>();
  const ever = new Set<PrincipalId>();
  const inviters = new Map<PrincipalId, string[]>();
  const invitations = new Map<PrincipalId, { readonly path: string; readonly recovery: RecordId | undefined }>();
  const locked = new Set<PrincipalId>();
  const asked = new Map<
    string,
    { readonly person: PrincipalId; readonly claims: StatementClaims; readonly until: number }
  >();
  const secret = () => Buffer.from(random.bytes(32)).toString('base64url');
  const from = { clock, random };

  /** Registers a key for a person without the pages' ceremony. */
  function enrol(person: PrincipalId, acr = 'phrh'): Authenticator {
    const key = createSoftwareAuthenticator({ origin, random });
    const options = { challenge: secret(), rp: { id: rpId, name: 'Test' }, user: { id: secret() } };
    const { id: credentialId } = key.create(options);
    const { jwk } = key.sign({ typ: 'test', iss: person, iat: 0, exp: 0, jti: secret() });
    const authenticator: Authenticator = {
      id: newId('authenticator', from),
      person,
      name: 'Key',
      credentialId,
      kid: digestOf(jwk),
      jwk: { ...jwk },
      acr,
      aaguid: key.aaguid,
      backupEligible: false,
      attested: true,
      registeredAt: toInstant(clock.now()),
      recordId: newId('record', from),
    };
    held.set(person, [...(held.get(person) ?? []), { authenticator, key }]);
    ever.add(person);
    invitations.delete(person);
    return authenticator;
  }

  const statements: Statements = {
    async ask({ person, claims, acrValues, lifeSeconds = 120 }) {
      const fit = (held.get(person) ?? []).filter(
        ({ authenticator }) => acrValues?.includes(authenticator.acr) !== false,
      );
      if (locked.has(person)) throw authenticatorErrors.error('account_locked', 'The account is locked.');
      if (fit.length === 0) throw authenticatorErrors.error('authenticator_none', 'No key would do.');
      const handle = secret();
      const until = clock.now() + lifeSeconds * 1000;
      asked.set(handle, { person, claims, until });
      const options = {
        challenge: statementChallenge(claims),
        rpId,
        allowCredentials: fit.map(({ authenticator }) => ({ type: 'public-key', id: authenticator.credentialId })),
      };
      return { handle, options, expiresAt: toInstant(until) };
    },
    async consume({ handle, person, credential }) {
      const kept = asked.get(handle ?? '');
      asked.delete(handle ?? '');
      if (kept === undefined || kept.person !== person || kept.until <= clock.now())
        throw authenticatorErrors.error('challenge_unknown', 'What was to be signed is used up.');
      const answer = credential as
        | { id: string; response: { authenticatorData: string; clientDataJSON: string; signature: string } }
        | undefined;
      const own = held.get(person)?.find(({ authenticator }) => authenticator.credentialId === answer?.id);
      if (own === undefined || answer === undefined)
        throw authenticatorErrors.error('credential_unknown', 'There is no such key.');
      const { authenticator } = own;
      const signature = {
        credential_id: answer.id,
        authenticator_data: answer.response.authenticatorData,
        client_data_json: answer.response.clientDataJSON,
        signature: answer.response.signature,
        rp_id: rpId,
        origin,
      };
      verifyStatement({
        claims: kept.claims,
        signature,
        jwk: authenticator.jwk,
        expected: { rpId, origins: [origin] },
      });
      return { claims: kept.claims, signature, authenticator };
    },
  };

  const register: Pick<
    AuthenticatorRegister,
    'of' | 'everHad' | 'invite' | 'invitersOf' | 'revokeAllOf' | 'lock' | 'isLocked'
  > = {
    of: async (person) => (held.get(person) ?? []).map(({ authenticator }) => authenticator),
    everHad: async (person) => ever.has(person),
    invitersOf: async (person) => inviters.get(person) ?? [],
    async invite({ person, recovery }, by) {
      if (recovery === undefined ? ever.has(person) : (held.get(person) ?? []).length > 0)
        throw authenticatorErrors.error('recovery_needed', 'This person has a key, or had one.');
      const path = `/enrol/${secret()}`;
      invitations.set(person, { path, recovery });
      inviters.set(person, [...(inviters.get(person) ?? []), by.id]);
      return { path, expiresAt: toInstant(clock.now() + 86_400_000), recordId: newId('record', from) };
    },
    async revokeAllOf(person) {
      const count = held.get(person)?.length ?? 0;
      held.delete(person);
      invitations.delete(person);
      return count;
    },
    async lock(person) {
      locked.add(person);
    },
    isLocked: async (person) => locked.has(person),
  };

  return {
    enrol,
    statements,
    register,
    invitationOf: (person: PrincipalId) => invitations.get(person),
    invitedBy(person: PrincipalId, by: string) {
      inviters.set(person, [by]);
    },
    keyOf(person: PrincipalId): SoftwareAuthenticator {
      const key = held.get(person)?.at(-1)?.key;
      if (key === undefined) throw new Error(`${person} has no key`);
      return key;
    },
  };
}
