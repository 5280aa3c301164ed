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
import { newId, parseId, type RecoveryId } from '@countersign/kernel';
import { createRounds } from '@countersign/runtime';
import { createCarrier } from './carrier.ts';
import { recoverySettings } from './config.ts';
import type { RecoveryDependencies } from './dependencies.ts';
import { requireWaiting, unknownRecovery } from './judge-approver.ts';
import { createPeople } from './people.ts';
import { createRecordedRecovery, standsForThing } from './recorded-recovery.ts';
import { createRequests, type Requests } from './requests/requests.ts';
import { readEvidence, readReason, shown } from './shown.ts';
import { recoveryClaims, signSeconds } from './statement.ts';
import { approveStep } from './steps/approve.ts';
import { cancelOwnStep, cancelStep } from './steps/cancel.ts';
import { inviteStep } from './steps/invite.ts';
import { openStep } from './steps/open.ts';
import { refuseStep } from './steps/refuse.ts';
import { findRecovery, findStanding, isSettled, listRecoveries, removeRecovery, type StoredRecovery } from './store.ts';
import { tellPerson } from './tell-person.ts';

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

/**
 * Lost factors. There is one way: identity proved again, two people of different functions, what was held ended first,
 * then an invitation, then a while in which nothing moves value. Every step is recorded before its result is released.
 *
 * @throws CodedError `configuration_invalid`
 */
export function createRecovery(dependencies: RecoveryDependencies): RunningRecovery {
  const { pool, audit, directory, statements, installation, clock, random, logger } = dependencies;
  const settings = recoverySettings(dependencies.config, dependencies.environment);
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'recovery' });
  const people = createPeople({ ...dependencies, standings, functions: settings.functions });
  const kind = createRecordedRecovery({
    audit,
    clock,
    notify: (state, change) => tellPerson(dependencies, state, change),
  });
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

  /** Restores the row from the log, regardless of who wrote the row. A row without a record does not count. */
  async function restore(id: RecoveryId): Promise<void> {
    if (!(await things.restore(id))) await removeRecovery(pool, id);
  }

  const carrier = createCarrier({ ...parts, commands, find: things.find, restore });
  const rounds = createRounds({
    what: 'recoveries',
    work: carrier.carryDue,
    logger,
    everyMs: dependencies.everyMs ?? 5_000,
  });

  /** As the log says. @throws CodedError `recovery_unknown`, `authority_unproven`, `log_unavailable` */
  async function load(id: RecoveryId): Promise<StoredRecovery> {
    const stored = await things.find(id);
    if (stored === undefined) throw unknownRecovery();
    return stored;
  }
  const see = async (id: RecoveryId): Promise<Recovery> => shown(await load(id));

  /** For who only looks: as the log says, and what was stored otherwise as it is stored. */
  async function lookedAt(id: RecoveryId): Promise<StoredRecovery | undefined> {
    try {
      return await things.find(id);
    } catch (error) {
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      return findRecovery(pool, id);
    }
  }

  /** The one that stands for a person: first the one of which the log says so, whether it is stored or not. */
  async function standingOf(person: PrincipalId): Promise<StoredRecovery | undefined> {
    const thing = standsForThing(person);
    const newest = (await audit.standings([thing])).get(thing);
    const opening = newest?.digest === undefined ? undefined : (await audit.find(newest.record))?.record;
    const recorded = parseId('recovery', (opening?.data as { readonly recovery?: unknown } | undefined)?.recovery);
    const id = recorded ?? (await findStanding(pool, person))?.id;
    const found = id === undefined ? undefined : await lookedAt(id);
    return found === undefined || isSettled(found) ? undefined : found;
  }

  /** Those of this filter, each as the log says it is. What is settled changes no more. */
  async function list(filter: Omit<Parameters<typeof listRecoveries>[1], 'limit'>): Promise<readonly StoredRecovery[]> {
    const found: StoredRecovery[] = [];
    for (const stored of await listRecoveries(pool, { ...filter, limit: mostListed })) {
      const now = isSettled(stored) ? stored : await lookedAt(stored.id);
      if (now !== undefined && (filter.status === undefined || now.status === filter.status)) found.push(now);
    }
    return found;
  }

  async function approve(id: RecoveryId, statement: SignedStatement): Promise<Recovery> {
    if ((await commands.run(steps.approve, { id, statement })) === 'approved')
      // What fails here is tried again by the next round, on any node.
      await rounds.run().catch((error: unknown) => logger.warn({ error, recovery: id }, 'a recovery waits to go on'));
    return see(id);
  }

  const cancel: Recoveries['cancel'] = async (id, by, reason) => {
    const ask = { id, by, words: readReason(reason), restored: false };
    await commands.run(steps.cancel, ask).catch(async (error: unknown) => {
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      // It takes nothing from anybody: one that is stored otherwise than it is recorded can be called off.
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
      // One that was recorded and not stored is there from now on, for who approves it or calls it off.
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
      const stored = await lookedAt(id);
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
        // One that was opened afterwards is of somebody who has come back.
        if (stored === undefined || stored.openedAt > Date.parse(at)) return { ended: 0 };
        // What is being ended is ended first; the next attempt finds it.
        if (stored.status === 'approved') await rounds.run();
        await cancel(stored.id, installation, reason.slice(0, 200));
        return { ended: 1 };
      },
    },
    carryOn: rounds.run,
    stop: rounds.stop,
  };
}
