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
  type Registration,
  readRegistration,
  registrationOptions,
  type VerifiedRegistration,
  verifyRegistration,
} from '@countersign/webauthn/ceremonies';
import type pg from 'pg';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import { standingOf } from '../standing.ts';
import { isRefusal } from './assertions.ts';
import type { RegistrationAllowance } from './challenge-store.ts';
import type { Parts } from './dependencies.ts';
import type { StoredInvitation } from './invitation-store.ts';
import { everHad, isSomebodyElses, provenOf, requireRegisteredWritten } from './proven-authenticators.ts';
import { authenticatorIdOf, isEnded } from './recorded-authenticator.ts';
import { aboutPerson, refused, registered } from './records.ts';
import type { AuthenticatorCommand } from './removal.ts';
import { invitationClaim } from './row-claims.ts';
import { authenticatorName, type StoredAuthenticator, shownAuthenticator } from './stored-authenticator.ts';

/** Of the statement by which a person says that they add an authenticator; `person` of its claims is they themselves. */
export const addStatementType = 'countersign-authenticator-add+webauthn';

const installationName = 'Countersign';
const lifeSeconds = 300;

/** What the browser sent when a person registers an authenticator. */
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
  /** The record that it rests on. */
  readonly by: Parameters<typeof registered>[2]['allowedBy'];
}

interface RegistrationFacts {
  readonly isRegistered: boolean;
  readonly userHandle: string;
  /** Among the keys of the person, from 1. */
  readonly place: number;
  readonly allowed: Allowed;
}

/** Registers authenticators: the first by an invitation, each further one by an existing one. */
export function createRegistrations(parts: Parts) {
  const { pool, audit, standings, directory, clock, random, settings, rules, commands, kinds } = parts;
  const { authenticators, challenges, invitations, locks } = parts;

  async function ask(person: PrincipalId, allowance: RegistrationAllowance): Promise<AskedStatement> {
    const found = await standing(person);
    const had = await authenticators.ofPerson(pool, person);
    requireRoom(had);
    const handle = newSecret(random);
    const challenge = newSecret(random);
    const userHandle = await authenticators.userHandleOf(person, random.bytes(32));
    const expiresAt = clock.now() + lifeSeconds * 1000;
    await challenges.insert(hashOfSecret(handle), {
      ...{ kind: 'registration', person, challenge, expiresAt },
      about: allowance,
    });
    // Only ids, because the authenticator shows them to anybody who holds it.
    const label = person.slice('person:'.length);
    const options = registrationOptions({
      relyingParty: settings.relyingParty,
      name: installationName,
      user: { handle: userHandle.toString('base64url'), name: label, displayName: label },
      challenge,
      rule: rules.ruleOf(found.roles),
      exclude: had.map(({ credentialId, transports }) => ({ credentialId, transports })),
      timeoutSeconds: lifeSeconds,
    });
    return {
      handle,
      options: rules.asksForAttestation ? { ...options, attestation: 'direct' } : options,
      expiresAt: toInstant(expiresAt),
    };
  }

  /** The invitation, if its row agrees with the log. */
  async function proven(
    invitation: StoredInvitation | undefined,
    secretHash: Buffer,
  ): Promise<StoredInvitation | undefined> {
    if (invitation === undefined) return undefined;
    return (await standings.holds(invitationClaim(invitation, secretHash))) ? invitation : undefined;
  }

  /** Requires a person who may act and is not locked out. */
  async function standing(person: PrincipalId, session: pg.Pool | pg.PoolClient = pool): Promise<Person> {
    const found = standingOf(directory.snapshot(), person);
    if (found.standing !== 'may-act')
      throw authenticationErrors.error(found.code, 'This person is not in the directory, or their firm may not act.');
    if (await locks.isLocked(session, person))
      throw authenticatorErrors.error('account_locked', 'The account is locked. Ask those who look after accounts.');
    return found.person;
  }

  function requireRoom(had: readonly unknown[]): void {
    if (had.length >= settings.most)
      throw authenticatorErrors.error(
        'authenticators_most',
        `A person has at most ${settings.most}. Remove one first.`,
      );
  }

  /** Requires that the allowance still holds, checked under the lock of the person. */
  async function requireAllowed(
    client: pg.PoolClient,
    person: PrincipalId,
    allowance: RegistrationAllowance,
    had: readonly StoredAuthenticator[],
  ): Promise<Allowed> {
    if (allowance.by === 'authenticator') {
      const { authenticator, recordId } = allowance;
      if (!(await provenOf(standings, had)).some(({ id }) => id === authenticator))
        throw authenticatorErrors.error('authenticator_not_found', 'The key that allowed this is gone.');
      return { by: { authenticator, recordId } };
    }
    const secretHash = Buffer.from(allowance.secretHash, 'base64url');
    const invitation = await proven(await invitations.find(secretHash, clock.now(), client), secretHash);
    if (invitation === undefined || invitation.person !== person) throw unknownInvitation();
    // Another invitation may have been used meanwhile: the first key ends them all.
    const mayStill = invitation.recovery === undefined ? !(await everHad(parts, client, person)) : had.length === 0;
    if (!mayStill)
      throw authenticatorErrors.error('recovery_needed', 'There is a key already, or was. Ask for a recovery.');
    return { invitation, by: { invitation: invitation.recordId } };
  }

  async function judge({ person, credential }: SentRegistration, challenge: string): Promise<VerifiedRegistration> {
    const registration: Registration = readRegistration(credential);
    const verified = await verifyRegistration({
      registration,
      challenge,
      relyingParty: settings.relyingParty,
      trust: settings.trust,
      at: clock.now(),
    });
    const judgement = rules.judge(verified, (await standing(person)).roles);
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
      await standing(person, session);
      const had = await authenticators.ofPerson(session, person);
      requireRoom(had);
      const allowed = await requireAllowed(session, person, allowance, had);
      return { isRegistered, userHandle, place: had.length + 1, allowed };
    },
    // The challenge is consumed, so the command cannot be repeated.
    done: () => undefined,
    async check({ ask: { person, verified }, row, facts }) {
      if (isSomebodyElses(parts, { kid: verified.kid, person }))
        throw authenticatorErrors.error('credential_shared', 'This key belongs to somebody else already.');
      if (row !== undefined || facts.isRegistered)
        throw authenticatorErrors.error('credential_registered', 'This key is registered already.');
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
    // Recorded once, with the other refusals of a ceremony.
    refused: () => undefined,
    after: async () => undefined,
    release: ({ name = '', ...next }) => shownAuthenticator({ ...next, name }),
  };

  return {
    /** What invites whoever has this secret; undefined when it was used or replaced, or is over. */
    async invitationOf(secret: string): Promise<StoredInvitation | undefined> {
      if (!isSecret(secret)) return undefined;
      const secretHash = hashOfSecret(secret);
      return proven(await invitations.find(secretHash, clock.now()), secretHash);
    },
    /**
     * What the browser of an invited person needs to make a credential.
     *
     * @param secret of the invitation
     * @throws CodedError `invitation_unknown`, `account_locked`, `person_unknown`, `institution_not_issued`
     */
    async askInvited(secret: string): Promise<AskedStatement> {
      const invitation = await this.invitationOf(secret);
      if (invitation === undefined) throw unknownInvitation();
      const secretHash = hashOfSecret(secret).toString('base64url');
      return ask(invitation.person, { by: 'invitation', secretHash });
    },
    /**
     * What the browser of a person needs who adds a further authenticator.
     *
     * @param statement of type {@link addStatementType}, which they have just signed with one that they have
     * @throws CodedError `authenticators_most`, `account_locked`; `challenge_unknown` for a statement that is over
     */
    async registrationFor(person: PrincipalId, statement: SignedStatement): Promise<AskedStatement> {
      const { claims, authenticator } = statement;
      if (claims.typ !== addStatementType || claims.iss !== person || authenticator.person !== person)
        throw new Error('a registration is asked for on a statement that is not for it');
      if (claims.exp * 1000 < clock.now())
        throw authenticatorErrors.error('challenge_unknown', 'What you signed is too old. Begin again.');
      const { id, recordId } = authenticator;
      return ask(person, { by: 'authenticator', authenticator: id, recordId });
    },
    /**
     * Registers what the browser brought, once. Each refusal is recorded before it is thrown.
     *
     * @throws CodedError of `authenticatorErrors`; `person_unknown`, `institution_not_issued`
     */
    async register(sent: SentRegistration): Promise<Authenticator> {
      const { handle, person } = sent;
      let aaguid: string | undefined;
      try {
        const kept = isSecret(handle)
          ? await challenges.take(hashOfSecret(handle), { kind: 'registration', person, now: clock.now() })
          : undefined;
        if (kept === undefined)
          throw authenticatorErrors.error('challenge_unknown', 'This page is used up or too old. Open it again.');
        const verified = await judge(sent, kept.challenge);
        aaguid = verified.aaguid;
        const { name, address } = sent;
        return await commands.run(registration, { person, name, address, verified, allowance: kept.about });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const told = aaguid ?? error.facts?.['aaguid'];
        await audit.append(
          refused(newId('record', parts), error.code, {
            about: aboutPerson(directory, person),
            ceremony: 'registration',
            aaguid: typeof told === 'string' ? told : undefined,
            address: sent.address,
          }),
        );
        throw error;
      }
    },
  };
}

export type Registrations = ReturnType<typeof createRegistrations>;

function unknownInvitation(): Error {
  return authenticatorErrors.error(
    'invitation_unknown',
    'This link is not known: it was used, it is too old, or it was replaced. Ask for a new one.',
  );
}
