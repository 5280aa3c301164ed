import { createCommands, createRecordedThings } from '@countersign/commands';
import {
  createStandingCheck,
  type DepartureEffect,
  kindOfPrincipal,
  type PrincipalId,
  type Recoveries,
  type Recovery,
  type SignedStatement,
  standingErrors,
} from '@countersign/contracts';
import { membersOf, newId, parseId, type RecoveryId } from '@countersign/kernel';
import { createRounds } from '@countersign/runtime';
import { createCarrier } from './carrier.ts';
import { recoverySettings } from './config.ts';
import type { RecoveryDependencies } from './dependencies.ts';
import { requireWaiting, unknownRecovery } from './judge-approver.ts';
import { notifyPerson } from './notify-person.ts';
import { createPeople } from './people.ts';
import { createRecordedRecovery, openRecoveryThing } from './recorded-recovery.ts';
import { createRequests, type Requests } from './requests/requests.ts';
import { readEvidence, readReason, shown } from './shown.ts';
import { recoveryClaims, signSeconds } from './statement.ts';
import { approveStep } from './steps/approve.ts';
import { cancelOwnStep, cancelStep } from './steps/cancel.ts';
import { inviteStep } from './steps/invite.ts';
import { openStep } from './steps/open.ts';
import { refuseStep } from './steps/refuse.ts';
import { findRecovery, findStanding, isSettled, listRecoveries, removeRecovery, type StoredRecovery } from './store.ts';

export interface RunningRecovery extends Recoveries {
  /** For the public page. */
  readonly publicRequests: Requests;
  /** Cancels the open recovery of a person who leaves. */
  readonly departureEffect: DepartureEffect;
  /** Advances what is due now; it also runs by itself. */
  carryOn(): Promise<void>;
  stop(): Promise<void>;
}

const maxListed = 100;

/** Every step is recorded before its result is released. @throws CodedError `configuration_invalid` */
export function createRecovery(dependencies: RecoveryDependencies): RunningRecovery {
  const { pool, audit, directory, statements, installation, clock, random, logger } = dependencies;
  const settings = recoverySettings(dependencies.config, dependencies.environment);
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'recovery' });
  const people = createPeople({ ...dependencies, standings, functions: settings.functions });
  const notify: Parameters<typeof createRecordedRecovery>[0]['notify'] = (state, change) =>
    notifyPerson(dependencies, state, change);
  const kind = createRecordedRecovery({ audit, clock, notify });
  const kept = { pool, log: audit, check: standings, source: 'recovery', clock } as const;
  const things = createRecordedThings(kind, kept);
  const commands = createCommands(kept);
  const parts = { ...dependencies, kind, people, settings };
  const steps = {
    open: openStep(parts),
    approve: approveStep(parts),
    refuse: refuseStep(parts),
    cancel: cancelStep(parts),
    cancelOwn: cancelOwnStep(parts),
  };

  /** Restores the row from the log. A row without a record is removed. */
  async function restore(id: RecoveryId): Promise<void> {
    if (!(await things.restore(id))) await removeRecovery(pool, id);
  }

  const carrier = createCarrier({ ...parts, commands, find: things.find, restore });
  const everyMs = dependencies.everyMs ?? 5_000;
  const rounds = createRounds({ what: 'recoveries', work: carrier.carryDue, logger, everyMs });

  /** The state according to the log. @throws CodedError `recovery_unknown`, `authority_unproven`, `log_unavailable` */
  async function load(id: RecoveryId): Promise<StoredRecovery> {
    const stored = await things.find(id);
    if (stored === undefined) throw unknownRecovery();
    return stored;
  }
  const see = async (id: RecoveryId): Promise<Recovery> => shown(await load(id));

  /** For display: by the log, or the stored row if the log cannot confirm it. */
  async function viewed(id: RecoveryId): Promise<StoredRecovery | undefined> {
    try {
      return await things.find(id);
    } catch (error) {
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      return findRecovery(pool, id);
    }
  }

  /** The open recovery of a person, even if only the log has it. */
  async function standingOf(person: PrincipalId): Promise<StoredRecovery | undefined> {
    const thing = openRecoveryThing(person);
    const newest = (await audit.standings([thing])).get(thing);
    const opening = newest?.digest === undefined ? undefined : (await audit.find(newest.record))?.record;
    const recorded = parseId('recovery', membersOf(opening?.data)?.['recovery']);
    const id = recorded ?? (await findStanding(pool, person))?.id;
    const found = id === undefined ? undefined : await viewed(id);
    return found === undefined || isSettled(found) ? undefined : found;
  }

  /** By the log. A settled recovery changes no more. */
  async function list(filter: Omit<Parameters<typeof listRecoveries>[1], 'limit'>): Promise<readonly StoredRecovery[]> {
    const found: StoredRecovery[] = [];
    for (const stored of await listRecoveries(pool, { ...filter, limit: maxListed })) {
      const now = isSettled(stored) ? stored : await viewed(stored.id);
      if (now !== undefined && (filter.status === undefined || now.status === filter.status)) found.push(now);
    }
    return found;
  }

  async function approve(id: RecoveryId, statement: SignedStatement): Promise<Recovery> {
    if ((await commands.run(steps.approve, { id, statement })) === 'approved')
      // A failure here is retried by the next round, on any node.
      await rounds
        .run()
        .catch((error: unknown) => logger.warn({ error, recovery: id }, 'a recovery will be continued later'));
    return see(id);
  }

  const cancel: Recoveries['cancel'] = async (id, by, reason) => {
    const ask = { id, by, words: readReason(reason), restored: false };
    await commands.run(steps.cancel, ask).catch(async (error: unknown) => {
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      // Cancelling takes nothing from anybody, so a row that differs from its record can be cancelled.
      await restore(id);
      await commands.run(steps.cancel, { ...ask, restored: true });
    });
    return see(id);
  };

  const publicRequests = createRequests({ pool, directory, clock });

  return {
    async open(asked, by) {
      const { person } = asked;
      const words = { reason: readReason(asked.reason), evidence: readEvidence(asked.evidence) };
      // Stores one that was recorded but not stored, so that it can be approved or cancelled.
      await standingOf(person);
      const id = newId('recovery', { clock, random });
      await commands.run(steps.open, { id, person, by, ...words });
      return see(id);
    },

    async askToApprove(id, approver) {
      const stored = await load(id);
      const { name } = people.functionOf(stored, await people.approverOf(approver, stored), clock.now());
      await people.requireStillApproved(stored);
      const claims = recoveryClaims(stored, 'approve', { person: approver, function: name }, { clock, random });
      return statements.ask({ person: approver, claims, acrValues: settings.acrValues, lifeSeconds: signSeconds });
    },
    approve,

    async refuse(id, by, reason) {
      await commands.run(steps.refuse, { id, by, words: readReason(reason) });
      return see(id);
    },

    async askToCancel(id, person) {
      const stored = await load(id);
      if (stored.person !== person) throw unknownRecovery();
      requireWaiting(stored, clock.now());
      const claims = recoveryClaims(stored, 'cancel', { person }, { clock, random });
      return statements.ask({ person, claims, lifeSeconds: signSeconds });
    },

    async cancelOwn(id, statement) {
      await commands.run(steps.cancelOwn, { id, statement });
      return see(id);
    },
    cancel,

    invite: (id, by) => commands.run(inviteStep(parts), { id, by }),

    async find(id) {
      const stored = await viewed(id);
      return stored === undefined ? undefined : shown(stored);
    },
    async list({ institution, status }) {
      return (await list({ institution, status })).map(shown);
    },
    async waitingFor(approver) {
      const person = people.personOf(approver);
      if (person === undefined) return [];
      const now = clock.now();
      const found: Recovery[] = [];
      for (const each of await list({ institution: person.institution, status: 'waiting' }))
        if (people.mayApprove(each, await people.approverOf(approver, each), now)) found.push(shown(each));
      return found;
    },
    async standingOf(person) {
      const stored = await standingOf(person);
      return stored === undefined ? undefined : shown(stored);
    },
    requests: (institution) => publicRequests.list(institution),
    publicRequests,

    departureEffect: {
      name: 'recoveries',
      async end({ principal, kind: departure, at, reason }) {
        if (departure !== 'leave' || kindOfPrincipal(principal) !== 'person') return { ended: 0 };
        const stored = await standingOf(principal);
        // One that was opened later belongs to a person who has come back.
        if (stored === undefined || stored.openedAt > Date.parse(at)) return { ended: 0 };
        // First let the running revocation finish.
        if (stored.status === 'approved') await rounds.run();
        await cancel(stored.id, installation, reason.slice(0, 200));
        return { ended: 1 };
      },
    },
    carryOn: rounds.run,
    stop: rounds.stop,
  };
}
