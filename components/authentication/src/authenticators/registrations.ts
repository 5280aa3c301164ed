import {
  type AskedStatement,
  type Authenticator,
  authenticationErrors,
  authenticatorErrors,
  type Person,
  type PrincipalId,
  type SignedStatement,
} from '@countersign/contracts';
import { defined, newId, toInstant } from '@countersign/kernel';
import {
  readRegistration,
  registrationOptions,
  type VerifiedRegistration,
  verifyRegistration,
} from '@countersign/webauthn/ceremonies';
import type pg from 'pg';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import { eligibilityOf } from '../standing.ts';
import { isRefusal } from './assertions.ts';
import type { RegistrationAllowance } from './challenge-store.ts';
import type { Parts } from './dependencies.ts';
import type { StoredInvitation } from './invitation-store.ts';
import { everHad, isKeyOfAnother, provenOf, requireRegisteredWritten } from './proven-authenticators.ts';
import { authenticatorIdOf, isEnded } from './recorded-authenticator.ts';
import { aboutPerson, refused, registered } from './records.ts';
import type { AuthenticatorCommand } from './removal.ts';
import { invitationClaim } from './row-claims.ts';
import { authenticatorName, type StoredAuthenticator, shownAuthenticator } from './stored-authenticator.ts';

export const addStatementType = 'countersign-authenticator-add+webauthn';

const installationName = 'Countersign';
const lifeSeconds = 300;

/** Not yet verified. */
export interface SentRegistration {
  readonly handle: string | undefined;
  readonly person: PrincipalId;
  /** RegistrationResponseJSON, or its text. */
  readonly credential: unknown;
  readonly name: string | undefined;
  readonly address?: string | undefined;
}

interface RegistrationAsk extends Pick<SentRegistration, 'person' | 'name' | 'address'> {
  readonly verified: VerifiedRegistration;
  readonly allowance: RegistrationAllowance;
}

interface Allowed {
  readonly invitation?: StoredInvitation;
  readonly by: Parameters<typeof registered>[2]['allowedBy'];
}

interface RegistrationFacts {
  readonly isRegistered: boolean;
  readonly userHandle: string;
  /** Position among the person's keys, from 1. */
  readonly place: number;
  readonly allowed: Allowed;
}

/** The first one needs an invitation, each further one an existing key. */
export function createRegistrations(parts: Parts) {
  const { pool, audit, standings, directory, clock, random, settings, rules, commands, kinds } = parts;
  const { authenticators, challenges, invitations, locks } = parts;

  async function ask(person: PrincipalId, allowance: RegistrationAllowance): Promise<AskedStatement> {
    const found = await requireEligible(person);
    const had = await authenticators.ofPerson(pool, person);
    requireRoom(had);
    const handle = newSecret(random);
    const challenge = newSecret(random);
    const userHandle = await authenticators.userHandleOf(person, random.bytes(32));
    const expiresAt = clock.now() + lifeSeconds * 1000;
    const asked = { kind: 'registration', person, challenge, expiresAt } as const;
    await challenges.insert(hashOfSecret(handle), { ...asked, about: allowance });
    // The authenticator shows the label to anybody who holds it.
    const label = person.slice('person:'.length);
    const options = registrationOptions({
      ...{ relyingParty: settings.relyingParty, name: installationName, challenge, timeoutSeconds: lifeSeconds },
      user: { handle: userHandle.toString('base64url'), name: label, displayName: label },
      rule: rules.ruleOf(found.roles),
      exclude: had.map(({ credentialId, transports }) => ({ credentialId, transports })),
    });
    const attested = rules.asksForAttestation ? { ...options, attestation: 'direct' } : options;
    return { handle, options: attested, expiresAt: toInstant(expiresAt) };
  }

  /** If its row agrees with the log. */
  async function proven(invitation: StoredInvitation | undefined, secretHash: Buffer) {
    if (invitation === undefined) return undefined;
    return (await standings.holds(invitationClaim(invitation, secretHash))) ? invitation : undefined;
  }

  /** In the directory, eligible and not locked. */
  async function requireEligible(person: PrincipalId, session: pg.Pool | pg.PoolClient = pool): Promise<Person> {
    const found = eligibilityOf(directory.snapshot(), person);
    if (found.status !== 'eligible')
      throw authenticationErrors.error(found.code, 'This person, or their firm, may not act.');
    if (await locks.isLocked(session, person))
      throw authenticatorErrors.error('account_locked', 'The account is locked. Contact your administrator.');
    return found.person;
  }

  function requireRoom(had: readonly unknown[]): void {
    if (had.length >= settings.most)
      throw authenticatorErrors.error(
        'authenticators_most',
        `You have ${settings.most} keys, the limit. Remove one first.`,
      );
  }

  /** Under the lock of the person. */
  async function requireAllowed(
    client: pg.PoolClient,
    person: PrincipalId,
    allowance: RegistrationAllowance,
    had: readonly StoredAuthenticator[],
  ): Promise<Allowed> {
    if (allowance.by === 'authenticator') {
      const { authenticator, recordId } = allowance;
      if (!(await provenOf(standings, had)).some(({ id }) => id === authenticator))
        throw authenticatorErrors.error('authenticator_not_found', 'The key that you signed with has been removed.');
      return { by: { authenticator, recordId } };
    }
    const secretHash = Buffer.from(allowance.secretHash, 'base64url');
    const invitation = await proven(await invitations.find(secretHash, clock.now(), client), secretHash);
    if (invitation === undefined || invitation.person !== person) throw unknownInvitation();
    // Another invitation may have been used meanwhile.
    const mayStill = invitation.recovery === undefined ? !(await everHad(parts, client, person)) : had.length === 0;
    if (!mayStill) throw authenticatorErrors.error('recovery_needed', 'There is or was a key. Ask for a recovery.');
    return { invitation, by: { invitation: invitation.recordId } };
  }

  async function judge({ person, credential }: SentRegistration, challenge: string): Promise<VerifiedRegistration> {
    const { relyingParty, trust } = settings;
    const registration = readRegistration(credential);
    const verified = await verifyRegistration({ registration, challenge, relyingParty, trust, at: clock.now() });
    const judgement = rules.judge(verified, (await requireEligible(person)).roles);
    if (!judgement.ok)
      throw authenticatorErrors.error(judgement.code, judgement.detail, { facts: { aaguid: verified.aaguid } });
    return verified;
  }

  const registration: AuthenticatorCommand<RegistrationAsk, RegistrationFacts, Authenticator> = {
    kind: kinds.authenticator,
    about: ({ verified }) => authenticatorIdOf(verified.credentialId),
    async facts(session, { ask: { person, verified, allowance } }) {
      const isRegistered = await authenticators.isRegistered(session, verified.credentialId, verified.kid);
      const userHandle = await authenticators.lockPerson(session, person, random.bytes(32));
      await requireRegisteredWritten(parts, session, person);
      await requireEligible(person, session);
      const had = await authenticators.ofPerson(session, person);
      requireRoom(had);
      const allowed = await requireAllowed(session, person, allowance, had);
      return { isRegistered, userHandle, place: had.length + 1, allowed };
    },
    // The challenge is consumed, so the command cannot be repeated.
    done: () => undefined,
    async check({ ask: { person, verified }, row, facts }) {
      if (isKeyOfAnother(parts, { kid: verified.kid, person }))
        throw authenticatorErrors.error('credential_shared', 'This key already belongs to another principal.');
      if (row !== undefined || facts.isRegistered)
        throw authenticatorErrors.error('credential_registered', 'This key is already registered.');
    },
    next({ ask: { person, name, verified }, facts: { userHandle, place, allowed }, now }, record) {
      const { credentialId, kid, jwk, aaguid, model, backupEligible, counter, transports } = verified;
      const { attestation, attestationFormat } = verified;
      return {
        ...{ id: authenticatorIdOf(credentialId), person, name: authenticatorName(name, place), userHandle },
        ...{ credentialId, kid, jwk, acr: rules.acrOf(verified), aaguid, backupEligible, counter, transports },
        ...{ attestation, attestationFormat, attested: attestation === 'trusted', recordId: record },
        ...defined({ model }),
        ...(allowed.invitation === undefined ? {} : { invitedBy: allowed.invitation.invitedBy }),
        registeredAt: toInstant(now),
      };
    },
    before: async () => undefined,
    record: ({ ask: { person, verified, address }, facts: { allowed } }, next) =>
      registered({ ...next, name: next.name }, aboutPerson(directory, person), {
        ...{ rpId: verified.rpId, origin: verified.origin, allowedBy: allowed.by, address },
      }),
    ends: isEnded,
    // Recorded with the other refusals of a ceremony.
    refused: () => undefined,
    after: async () => undefined,
    release: ({ name = '', ...next }) => shownAuthenticator({ ...next, name }),
  };

  return {
    /** Undefined if it was used or replaced, or has expired. */
    async invitationOf(secret: string): Promise<StoredInvitation | undefined> {
      if (!isSecret(secret)) return undefined;
      const secretHash = hashOfSecret(secret);
      return proven(await invitations.find(secretHash, clock.now()), secretHash);
    },
    /** @throws CodedError `invitation_unknown`, `account_locked`, `person_unknown`, `institution_not_issued` */
    async askInvited(secret: string): Promise<AskedStatement> {
      const invitation = await this.invitationOf(secret);
      if (invitation === undefined) throw unknownInvitation();
      const secretHash = hashOfSecret(secret).toString('base64url');
      return ask(invitation.person, { by: 'invitation', secretHash });
    },
    /** @throws CodedError `authenticators_most`, `account_locked`; `challenge_unknown` for an expired statement */
    async registrationFor(person: PrincipalId, statement: SignedStatement): Promise<AskedStatement> {
      const { claims, authenticator } = statement;
      if (claims.typ !== addStatementType || claims.iss !== person || authenticator.person !== person)
        throw new Error('this statement does not permit a registration');
      if (claims.exp * 1000 < clock.now())
        throw authenticatorErrors.error('challenge_unknown', 'Your signature has expired. Start again.');
      const { id, recordId } = authenticator;
      return ask(person, { by: 'authenticator', authenticator: id, recordId });
    },
    /** Once; refusals are recorded. @throws CodedError of `authenticatorErrors`; `person_unknown`, `institution_not_issued` */
    async register(sent: SentRegistration): Promise<Authenticator> {
      const { handle, person } = sent;
      let aaguid: string | undefined;
      try {
        const kept = isSecret(handle)
          ? await challenges.consume(hashOfSecret(handle), { kind: 'registration', person, now: clock.now() })
          : undefined;
        if (kept === undefined)
          throw authenticatorErrors.error(
            'challenge_unknown',
            'This page has been used or has expired. Open it again.',
          );
        const verified = await judge(sent, kept.challenge);
        aaguid = verified.aaguid;
        const { name, address } = sent;
        return await commands.run(registration, { person, name, address, verified, allowance: kept.about });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const model = aaguid ?? error.facts?.['aaguid'];
        const facts = { ceremony: 'registration', address: sent.address } as const;
        await audit.append(
          refused(newId('record', parts), error.code, {
            ...{ ...facts, about: aboutPerson(directory, person) },
            aaguid: typeof model === 'string' ? model : undefined,
          }),
        );
        throw error;
      }
    },
  };
}

export function unknownInvitation(): Error {
  return authenticatorErrors.error(
    'invitation_unknown',
    'This link was used, replaced or has expired. Ask for a new one.',
  );
}
