import {
  type AuditAppender,
  type Authenticator,
  type AuthenticatorRegister,
  authenticatorErrors,
  type Person,
  type PrincipalId,
  type SignedStatement,
  type Statements,
} from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import { type StatementClaims, statementChallenge } from '@countersign/webauthn';
import {
  authenticationOptions,
  noAttestationTrust,
  readAssertion,
  readRegistration,
  registrationOptions,
  verifyAuthentication,
  verifyRegistration,
} from '@countersign/webauthn/ceremonies';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';

type Ask = Parameters<Statements['ask']>[0];
type Stored = Parameters<typeof verifyAuthentication>[0]['registered'] & { shown: Authenticator; counter: number };

export const usualOrigin = 'https://countersign.example';

/** A person's authenticator and its registration. */
export interface Enrolled {
  readonly device: SoftwareAuthenticator;
  readonly authenticator: Authenticator;
}

/**
 * In-memory authenticators: signatures are verified and counted as in production, and each challenge is answered once. The
 * real register belongs to another component.
 */
export function createSmallAuthenticators(from: {
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly origin?: string;
}) {
  const { audit, clock, random, origin = usualOrigin } = from;
  const relyingParty = { rpId: new URL(origin).hostname, origins: [origin] };
  const stored = new Map<string, Stored>();
  const asked = new Map<string, Ask & { readonly until: number }>();
  const locked = new Set<string>();

  const register: Pick<AuthenticatorRegister, 'of' | 'isLocked'> = {
    of: async (person) => [...stored.values()].flatMap(({ shown }) => (shown.person === person ? [shown] : [])),
    isLocked: async (person) => locked.has(person),
  };

  const statements: Statements = {
    async ask(request) {
      if (locked.has(request.person)) throw authenticatorErrors.error('account_locked', 'The account is locked.');
      const own = (await register.of(request.person)).filter(({ acr }) => request.acrValues?.includes(acr) !== false);
      if (own.length === 0) throw authenticatorErrors.error('authenticator_none', 'There is none that would do.');
      const handle = Buffer.from(random.bytes(32)).toString('base64url');
      const until = clock.now() + (request.lifeSeconds ?? 120) * 1000;
      asked.set(handle, { ...request, until });
      const challenge = statementChallenge(request.claims);
      const allow = own.map(({ credentialId }) => ({ credentialId }));
      return {
        handle,
        options: authenticationOptions({ relyingParty, challenge, allow }),
        expiresAt: new Date(until).toISOString(),
      };
    },
    async consume({ handle = '', person, credential }) {
      const kept = asked.get(handle);
      asked.delete(handle);
      if (kept === undefined || kept.person !== person || kept.until <= clock.now())
        throw authenticatorErrors.error('challenge_unknown', 'What was to be signed is used up or too old.');
      const assertion = readAssertion(credential);
      const known = stored.get(assertion.credentialId);
      if (known === undefined || known.shown.person !== person)
        throw authenticatorErrors.error('credential_unknown', 'This key is not registered to this person.');
      const { signature, counter } = await verifyAuthentication({
        assertion,
        challenge: statementChallenge(kept.claims),
        relyingParty,
        registered: known,
      });
      stored.set(assertion.credentialId, { ...known, counter });
      return { claims: kept.claims, signature, authenticator: known.shown };
    },
  };

  return {
    register,
    statements,
    async enrol(person: Person, { acr = 'phrh' } = {}): Promise<Enrolled> {
      const device = createSoftwareAuthenticator({ origin, attestation: 'none' });
      const challenge = Buffer.from(random.bytes(32)).toString('base64url');
      const rule = { userVerification: 'required', deviceBound: false, attestation: 'any' } as const;
      const handle = Buffer.from(random.bytes(32)).toString('base64url');
      const user = { handle, name: person.id, displayName: person.id };
      const made = device.create(registrationOptions({ relyingParty, name: 'Countersign', user, challenge, rule }));
      const registration = readRegistration(made);
      const trust = noAttestationTrust;
      const verified = await verifyRegistration({ registration, challenge, relyingParty, trust, at: clock.now() });
      const { kid } = verified;
      const recordId = newId('record', from);
      const authenticator: Authenticator = {
        id: newId('authenticator', from),
        person: person.id,
        name: 'Key',
        credentialId: verified.credentialId,
        kid,
        jwk: { ...verified.jwk },
        acr,
        aaguid: verified.aaguid,
        backupEligible: verified.backupEligible,
        attested: acr === 'phrh',
        registeredAt: new Date(clock.now()).toISOString(),
        recordId,
      };
      await audit.append({
        id: recordId,
        type: 'authenticator.registered',
        source: 'authentication',
        outcome: 'done',
        subject: { id: person.id, institution: person.institution },
        references: [],
        data: {
          authenticator: authenticator.id,
          kid,
          jwk: authenticator.jwk,
          credential_id: verified.credentialId,
          aaguid: verified.aaguid,
          backup_eligible: verified.backupEligible,
          attested: authenticator.attested,
          attestation_format: 'none',
          acr,
          rp_id: relyingParty.rpId,
          origin,
        },
      });
      stored.set(verified.credentialId, { ...verified, shown: authenticator });
      return { device, authenticator };
    },
    /** Has the person sign these claims, as a page would. */
    async sign({ device }: Enrolled, claims: StatementClaims, person: PrincipalId): Promise<SignedStatement> {
      const { handle, options } = await statements.ask({ person, claims });
      return statements.consume({ handle, person, credential: device.get(options) });
    },
    /** As after its counter went backwards. */
    suspend({ credentialId }: Authenticator): void {
      const known = stored.get(credentialId);
      if (known === undefined) throw new Error('there is no such authenticator');
      const suspendedAt = new Date(clock.now()).toISOString();
      stored.set(credentialId, { ...known, shown: { ...known.shown, suspendedAt } });
    },
    remove({ credentialId }: Authenticator): void {
      stored.delete(credentialId);
    },
    lock(person: Person, isLocked = true): void {
      if (isLocked) locked.add(person.id);
      else locked.delete(person.id);
    },
  };
}
export type SmallAuthenticators = ReturnType<typeof createSmallAuthenticators>;
