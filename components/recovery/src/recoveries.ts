import {
  type Actor,
  appendOnce,
  createIndependence,
  createStandingCheck,
  type DepartureEffect,
  kindOfPrincipal,
  type Person,
  type PrincipalId,
  parsePrincipalId,
  type Recoveries,
  type Recovery,
  recoveryErrors,
  type SignedStatement,
} from '@countersign/contracts';
import { type CodedError, isCodedError, newId, type RecoveryId, toInstant } from '@countersign/kernel';
import { createRounds, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { createCarrier } from './carrier.ts';
import { recoverySettings } from './config.ts';
import type { RecoveryDependencies } from './dependencies.ts';
import { type Approver, isUnsettled, judgeApprover } from './judge-approver.ts';
import { readEvidence, readReason } from './read-words.ts';
import { recoveryApproved, recoveryCancelled, recoveryOpened, recoveryRefused } from './records.ts';
import { createRequests, type Requests } from './requests/requests.ts';
import { isProven, requireProven } from './row-claims.ts';
import { recoveryDigest, shown } from './shown.ts';
import { recoveryClaims, requireAbout, signSeconds } from './statement.ts';
import {
  advance,
  countInvitation,
  findRecovery,
  findStanding,
  insertApproval,
  insertRecovery,
  listRecoveries,
  lockRecovery,
  type Session,
  type StoredRecovery,
} from './store.ts';
import { tellPerson } from './tell-person.ts';
import { en } from './texts/en.ts';

export interface RunningRecovery extends Recoveries {
  /** What the public page does. */
  readonly publicRequests: Requests;
  /** Ends what a person who leaves has standing. */
  readonly departureEffect: DepartureEffect;
  /** Carries on what is due now; runs by itself. */
  carryOn(): Promise<void>;
  stop(): Promise<void>;
}

const mostListed = 100;
const mostInvitations = 3;
const longestInvitationHours = 24;
const hourMs = 3_600_000;

type Attempted = Parameters<typeof recoveryRefused>[1]['step'];

/**
 * Lost factors. There is one way: identity proved again, two people of different functions, what was held ended first,
 * then an invitation, then a while in which nothing moves value. Every step is recorded before it is told.
 *
 * @throws CodedError `configuration_invalid`
 */
export function createRecovery(dependencies: RecoveryDependencies): RunningRecovery {
  const { pool, audit, directory, register, statements, signals, installation, clock, random, logger } = dependencies;
  const independent = createIndependence(register);
  const settings = recoverySettings(dependencies.config, dependencies.environment);
  const { functions, acrValues } = settings;
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'recovery' });
  const proven = (stored: StoredRecovery): Promise<StoredRecovery> =>
    requireProven(standings, stored, functions.length);
  const carrier = createCarrier({
    ...dependencies,
    settings,
    isProven: (stored) => isProven(standings, stored, functions.length),
  });
  const rounds = createRounds({
    what: 'recoveries',
    work: carrier.carryDue,
    logger,
    everyMs: dependencies.everyMs ?? 5_000,
  });
  const see = (stored: StoredRecovery): Recovery => shown(stored, functions);

  /** Recorded before it is told. */
  async function refuse(
    error: CodedError,
    attempt: {
      readonly step: Attempted;
      readonly by: Actor;
      readonly subject: Actor;
      readonly recovery?: StoredRecovery;
    },
  ): Promise<never> {
    await audit.append(recoveryRefused({ clock, random }, { ...attempt, reason: error.code }));
    throw error;
  }

  const personOf = (id: string): Person | undefined => {
    const principal = directory.snapshot().principal(id);
    return principal?.kind === 'person' ? principal : undefined;
  };
  const mayActFor = (by: Actor, institution: string): boolean =>
    by.institution === institution || by.institution === installation.institution;
  const subjectOf = ({ person, institution }: StoredRecovery): Actor => ({ id: person, institution });

  async function accountOf(id: PrincipalId, session: Session) {
    const [locked, standing] = await Promise.all([register.isLocked(id), findStanding(session, id)]);
    return { locked, signals: signals.of(id), recovering: standing !== undefined };
  }

  async function approverOf(
    person: Person,
    { approvals }: Pick<StoredRecovery, 'approvals'>,
    session: Session,
  ): Promise<Approver> {
    const id = principalOf(person.id);
    const before = approvals.map(({ by }) => by);
    const [inviters, apart, account] = await Promise.all([
      register.invitersOf(id),
      independent([id], before),
      accountOf(id, session),
    ]);
    return { person, inviters, independent: apart, ...account };
  }

  /**
   * Days may lie between the two. Who approved first, and has left since, has lost the role, is locked out or may be
   * somebody else, does not carry the second.
   */
  async function requireStillApproved({ approvals, institution }: StoredRecovery, session: Session): Promise<void> {
    for (const { by, function: name } of approvals) {
      const person = personOf(by);
      const roles = functions.find((each) => each.name === name)?.roles ?? [];
      const speaks = person?.institution === institution && person.roles.some((role) => roles.includes(role));
      if (!speaks || isUnsettled(await accountOf(by, session)))
        throw recoveryErrors.error(
          'recovery_approver_unsettled',
          'Who approved it before may not approve it any more. It has to be cancelled, and opened again.',
        );
    }
  }

  /** Of several who decide at once, the second sees what the first did. */
  function decide<Result>(
    id: RecoveryId,
    work: (stored: StoredRecovery, session: pg.PoolClient) => Promise<Result>,
  ): Promise<Result> {
    return decideUnproven(id, async (stored, session) => work(await proven(stored), session));
  }

  /** For what takes nothing from anybody: one that is stored otherwise than it is recorded can be called off. */
  function decideUnproven<Result>(
    id: RecoveryId,
    work: (stored: StoredRecovery, session: pg.PoolClient) => Promise<Result>,
  ): Promise<Result> {
    return transaction(pool, async (session) => {
      const stored = await lockRecovery(session, id);
      if (stored === undefined) throw unknownRecovery();
      return work(stored, session);
    });
  }

  function requireWaiting(stored: StoredRecovery): void {
    if (stored.status !== 'waiting') throw decided(stored);
    if (stored.expiresAt <= clock.now())
      throw recoveryErrors.error('recovery_expired', 'It was not through in time; it has to be opened again.');
  }

  /** Whoever may approve, and for which function; a refusal is thrown and not recorded yet. */
  async function judge(stored: StoredRecovery, approver: PrincipalId, session: Session) {
    const person = personOf(approver);
    // Somebody of another firm is told no more than a stranger.
    if (person === undefined || person.institution !== stored.institution) throw unknownRecovery();
    requireWaiting(stored);
    const judged = judgeApprover(stored, await approverOf(person, stored, session), functions);
    if (isCodedError(judged)) throw judged;
    return { person, function: judged };
  }

  async function refused(
    error: unknown,
    stored: StoredRecovery,
    step: Attempted,
    approver: PrincipalId,
  ): Promise<never> {
    if (!isCodedError(error) || error.category === 'unavailable') throw error;
    const institution = personOf(approver)?.institution;
    const by = { id: approver, ...(institution === undefined ? {} : { institution }) };
    return refuse(error, { step, by, subject: subjectOf(stored), recovery: stored });
  }

  async function load(id: RecoveryId): Promise<StoredRecovery> {
    const stored = await findRecovery(pool, id);
    if (stored === undefined) throw unknownRecovery();
    return proven(stored);
  }

  async function approve(id: RecoveryId, statement: SignedStatement): Promise<Recovery> {
    const approver = statement.authenticator.person;
    const after = await decide(id, async (stored, session) => {
      const judged = await judge(stored, approver, session)
        .then(async (found) => {
          await requireStillApproved(stored, session);
          requireAbout(statement, stored, { step: 'approve', function: found.function.name, now: clock.now() });
          if (!acrValues.includes(statement.authenticator.acr))
            throw recoveryErrors.error('recovery_statement', 'Your key is not of a class that approves recoveries.');
          return found;
        })
        .catch((error: unknown) => refused(error, stored, 'approve', approver));
      const recordId = newId('record', { clock, random });
      const at = clock.now();
      const given = { by: approver, function: judged.function.name, at, recordId };
      await audit.append(recoveryApproved(recordId, stored, { statement, function: given.function }));
      await insertApproval(session, id, given);
      const approvals = [...stored.approvals, { ...given, at: toInstant(at) }];
      if (approvals.length < functions.length) return { ...stored, approvals };
      await tellPerson(dependencies, stored.person, 'recovery-decided', en.notices.approved);
      if (!(await advance(session, id, { from: 'waiting', to: 'approved', at, next: at })))
        throw new Error('a recovery was decided while its row was locked');
      return { ...stored, approvals, status: 'approved' as const };
    });
    if (after.status !== 'approved') return see(after);
    // What fails here is tried again by the next round, on any node.
    await rounds.run().catch((error: unknown) => logger.warn({ error, recovery: id }, 'a recovery waits to go on'));
    return see(await load(id));
  }

  async function settle(
    session: pg.PoolClient,
    stored: StoredRecovery,
    to: 'refused' | 'cancelled',
    text: string,
  ): Promise<Recovery> {
    await tellPerson(dependencies, stored.person, 'recovery-decided', text);
    if (!(await advance(session, stored.id, { from: stored.status, to, at: clock.now() })))
      throw new Error('a recovery was decided while its row was locked');
    return see({ ...stored, status: to });
  }

  async function cancelBy(id: RecoveryId, by: Actor, words: string): Promise<Recovery> {
    return decideUnproven(id, async (stored, session) => {
      if (!mayActFor(by, stored.institution)) throw unknownRecovery();
      const attempt = { step: 'cancel', by, subject: subjectOf(stored), recovery: stored } as const;
      if (by.id === stored.person)
        return refuse(
          recoveryErrors.error('recovery_self', 'What is about yourself you call off with a key.'),
          attempt,
        );
      if (stored.status !== 'waiting' && stored.status !== 'ended' && stored.status !== 'invited')
        return refuse(decided(stored), attempt);
      const endsKeys = stored.status !== 'waiting' && (await isProven(standings, stored, functions.length));
      await appendOnce(audit, recoveryCancelled(stored, { operator: by, words }));
      // Links that were handed out end with it, and whatever was enrolled by one of them.
      if (endsKeys) await register.revokeAllOf(stored.person, by, 'recovery cancelled');
      return settle(session, stored, 'cancelled', en.notices.cancelled);
    });
  }

  const publicRequests = createRequests({ pool, directory, clock });

  return {
    async open(asked, by) {
      const reason = readReason(asked.reason);
      const evidence = readEvidence(asked.evidence);
      const person = personOf(asked.person);
      const attempt = { step: 'open', by, subject: { id: asked.person } } as const;
      if (person === undefined || !mayActFor(by, person.institution))
        return refuse(recoveryErrors.error('recovery_person_unknown', 'Your institution has no such person.'), attempt);
      if (by.id === asked.person)
        return refuse(recoveryErrors.error('recovery_self', 'Nobody opens a recovery of their own.'), attempt);
      const now = clock.now();
      const from = { clock, random };
      const stored: StoredRecovery = {
        id: newId('recovery', from),
        person: asked.person,
        institution: person.institution,
        status: 'waiting',
        openedBy: by.id,
        openedAt: now,
        expiresAt: now + settings.openMs,
        reason,
        evidence,
        digest: recoveryDigest({ person: asked.person, reason, evidence }),
        approvals: [],
        invitations: 0,
        invitedAt: undefined,
        coolingOffUntil: undefined,
        authenticators: 0,
        sessions: 0,
        recordId: newId('record', from),
        endedRecord: newId('record', from),
        completionRecord: newId('record', from),
        expiryRecord: newId('record', from),
      };
      return transaction(pool, async (session) => {
        if (!(await insertRecovery(session, stored)))
          return refuse(recoveryErrors.error('recovery_standing', 'One stands for this person already.'), attempt);
        await audit.append(recoveryOpened(stored, by));
        // Nothing happens to an account that its person is not told.
        await tellPerson(
          dependencies,
          stored.person,
          'recovery-opened',
          en.notices.opened(toInstant(stored.expiresAt)),
          { recovery: stored.id },
        );
        return see(stored);
      });
    },

    async askToApprove(id, approver) {
      const stored = await load(id);
      const { function: mine } = await judge(stored, approver, pool);
      await requireStillApproved(stored, pool);
      const claims = recoveryClaims(stored, 'approve', { person: approver, function: mine.name }, { clock, random });
      return statements.ask({ person: approver, claims, acrValues, lifeSeconds: signSeconds });
    },
    approve,

    refuse: (id, by, reason) =>
      decide(id, async (stored, session) => {
        const words = readReason(reason);
        const judged = await judge(stored, by, session).catch((error: unknown) => refused(error, stored, 'refuse', by));
        await appendOnce(
          audit,
          recoveryRefused(
            { clock, random },
            {
              step: 'approve',
              reason: 'recovery_declined',
              ends: true,
              subject: subjectOf(stored),
              by: { id: by, institution: stored.institution },
              recovery: stored,
              function: judged.function.name,
              words,
            },
          ),
        );
        return settle(session, stored, 'refused', en.notices.refused);
      }),

    async askToCancel(id, person) {
      const stored = await load(id);
      if (stored.person !== person) throw unknownRecovery();
      requireWaiting(stored);
      const claims = recoveryClaims(stored, 'cancel', { person }, { clock, random });
      return statements.ask({ person, claims, lifeSeconds: signSeconds });
    },

    cancelOwn: (id, statement) =>
      decide(id, async (stored, session) => {
        const { person } = statement.authenticator;
        if (stored.person !== person) throw unknownRecovery();
        try {
          requireWaiting(stored);
          requireAbout(statement, stored, { step: 'cancel', now: clock.now() });
        } catch (error) {
          return refused(error, stored, 'cancel', person);
        }
        await appendOnce(audit, recoveryCancelled(stored, { person: statement }));
        return settle(session, stored, 'cancelled', en.notices.cancelled);
      }),

    cancel: (id, by, reason) => cancelBy(id, by, readReason(reason)),

    invite: (id, by) =>
      decide(id, async (stored, session) => {
        if (!mayActFor(by, stored.institution)) throw unknownRecovery();
        const attempt = { step: 'invite', by, subject: subjectOf(stored), recovery: stored } as const;
        if (by.id === stored.person)
          return refuse(recoveryErrors.error('recovery_self', 'Nobody invites themselves.'), attempt);
        if (stored.approvals.some((approval) => approval.by === by.id))
          return refuse(
            recoveryErrors.error('recovery_same_person', 'Who approved it does not hand over the link.'),
            attempt,
          );
        if (stored.status === 'waiting' || stored.status === 'approved')
          return refuse(recoveryErrors.error('recovery_not_ready', 'What the person had has not ended yet.'), attempt);
        if (stored.status !== 'ended' && stored.status !== 'invited') return refuse(decided(stored), attempt);
        if (stored.expiresAt <= clock.now())
          return refuse(
            recoveryErrors.error('recovery_expired', 'It was not through in time; it has to be opened again.'),
            attempt,
          );
        if ((await register.of(stored.person)).length > 0)
          return refuse(recoveryErrors.error('recovery_decided', 'The person has enrolled already.'), attempt);
        if (stored.invitations >= mostInvitations)
          return refuse(
            recoveryErrors.error('recovery_invitations_spent', 'Three links were handed out; open a new recovery.'),
            attempt,
          );
        await carrier.coolOff(stored);
        const hours = Math.floor((stored.expiresAt - clock.now()) / hourMs);
        const invitation = await register.invite(
          {
            person: stored.person,
            evidence: stored.evidence,
            lifeHours: Math.min(longestInvitationHours, Math.max(1, hours)),
            recovery: stored.endedRecord,
          },
          by,
        );
        await countInvitation(session, id, clock.now());
        return invitation;
      }),

    async find(id) {
      const stored = await findRecovery(pool, id);
      return stored === undefined ? undefined : see(stored);
    },
    async list({ institution, status }) {
      return (await listRecoveries(pool, { institution, status, limit: mostListed })).map(see);
    },
    async waitingFor(approver) {
      const person = personOf(approver);
      if (person === undefined) return [];
      const filter = { institution: person.institution, status: 'waiting', limit: mostListed } as const;
      const now = clock.now();
      const found: Recovery[] = [];
      for (const each of await listRecoveries(pool, filter))
        if (each.expiresAt > now && !isCodedError(judgeApprover(each, await approverOf(person, each, pool), functions)))
          found.push(see(each));
      return found;
    },
    async standingOf(person) {
      const stored = await findStanding(pool, person);
      return stored === undefined ? undefined : see(stored);
    },
    requests: (institution) => publicRequests.list(institution),
    publicRequests,

    departureEffect: {
      name: 'recoveries',
      async end({ principal, kind, reason }) {
        if (kind !== 'leave' || kindOfPrincipal(principal) !== 'person') return { ended: 0 };
        const stored = await findStanding(pool, principal);
        if (stored === undefined) return { ended: 0 };
        // What is being ended is ended first; the next attempt finds it.
        if (stored.status === 'approved') await rounds.run();
        await cancelBy(stored.id, installation, readReason(reason.slice(0, 200)));
        return { ended: 1 };
      },
    },
    carryOn: rounds.run,
    stop: rounds.stop,
  };
}

function principalOf(text: string): PrincipalId {
  const id = parsePrincipalId(text);
  if (id === undefined) throw new Error(`a person of the directory without a principal's id: ${text}`);
  return id;
}

function unknownRecovery(): CodedError {
  return recoveryErrors.error('recovery_unknown', 'There is no such recovery.');
}

function decided({ status }: StoredRecovery): CodedError {
  return recoveryErrors.error('recovery_decided', `It is ${status} already.`, { facts: { status } });
}
