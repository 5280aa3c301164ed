import {
  consentErrors,
  exceptionErrors,
  type Mandate,
  type Requester,
  recordedRequester,
  type TransactionException,
  transactionErrors,
} from '@countersign/contracts';
import {
  type CodedError,
  defined,
  type ExceptionId,
  type Json,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import { standingApprovals } from '../approvals/standing.ts';
import type { TransitionDependencies } from '../attempt.ts';
import { knownFacts } from '../facts.ts';
import { releaseHeadroom, reopenHeadroom } from '../headroom.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type { Change } from '../proof/change.ts';
import { type ChangingSteps, change } from '../proof/commands.ts';
import type { Unit } from '../proof/proven-store.ts';
import { changeAbout, recordAbout, referencesTo, strategyOf } from '../records.ts';
import { instructionFault } from '../steps/rules.ts';
import { publicException } from '../store/exceptions.ts';
import type { StoredException, StoredTransaction } from '../store/store.ts';
import { type Ending, endingChange, endingOf } from './abandon.ts';
import { type Case, freshMandates, stillMissing } from './healed.ts';
import { type AskedResolution, parseResolution, participantsOf, requireAllowed, resolverFault } from './resolution.ts';

interface Asked {
  readonly exception: ExceptionId;
  readonly transaction: TransactionId;
  readonly asked: AskedResolution;
  readonly by: Requester;
}
interface Present {
  readonly exception: StoredException;
  readonly transaction: StoredTransaction;
}
interface Resolved extends Present {
  readonly resolution: Omit<NonNullable<StoredException['resolution']>, 'recordId'>;
  readonly change: Change;
  readonly grounds: Grounds;
}

export async function resolveException(
  id: ExceptionId,
  resolution: { readonly kind: string; readonly reason: string; readonly mandate?: string },
  by: Requester,
  dependencies: TransitionDependencies,
): Promise<TransactionException> {
  const asked = parseResolution(resolution);
  const named = await dependencies.store.exception(id);
  if (named === undefined) throw notFound();
  const resolved = await change(resolving(dependencies), dependencies, {
    exception: id,
    transaction: named.transaction,
    asked,
    by,
  });
  return publicException(resolved);
}

function resolving(
  dependencies: TransitionDependencies,
): ChangingSteps<Asked, Present, Grounds, Resolved, StoredException> {
  const { audit, directory, policyEngine, logger } = dependencies;
  const { limits } = policyEngine;
  return {
    async facts(unit, { ask, row }) {
      const exception = await unit.exception(ask.exception);
      if (row === undefined || exception === undefined || !row.parties.includes(ask.by.institution ?? ''))
        throw notFound();
      return { exception, transaction: row };
    },
    done: ({ ask, facts: { exception } }) => (isSame(exception, ask) ? exception : undefined),
    async check({ ask, facts: { exception, transaction }, now }, unit) {
      if (exception.resolution !== undefined)
        throw exceptionErrors.error('exception_resolved', 'The exception has already been resolved.', {
          facts: { kind: exception.resolution.kind },
        });
      const given = await unit.approvals(transaction.id);
      const past = await unit.transitions(transaction.id);
      const snapshot = directory.snapshot();
      const acted = { given, past, ...(await participantsOf(exception, audit)) };
      const unfit = resolverFault(ask.by, exception, transaction, acted, snapshot);
      if (unfit !== undefined) throw unfit;
      requireAllowed(exception.cause, ask.asked);
      const about: Case = {
        exception,
        transaction,
        past,
        approvals: await standingApprovals(transaction, given, now, dependencies),
        known: await knownFacts(transaction, unit, { directory: snapshot, now }),
        now,
      };
      return groundsOf(about, ask.asked, unit, dependencies);
    },
    next: ({ ask: { asked, by }, facts: { exception, transaction }, found: grounds, now }) => {
      const { mandate, ending } = grounds;
      const resolution = {
        kind: asked.kind,
        by: by.id,
        reason: asked.reason,
        at: toInstant(now),
        ...(mandate === undefined ? {} : { mandate: { id: mandate.id, version: mandate.version } }),
      };
      const change: Change = {
        resolved: { exception: exception.id, resolution },
        ...(mandate === undefined ? {} : { mandate: mandateOf(mandate) }),
        ...(asked.kind === 'accepted' ? accepting(exception, transaction, by, now) : {}),
        ...(ending === undefined
          ? {}
          : endingChange(transaction, ending, { by, idempotencyKey: `exception ${exception.id}`, now })),
      };
      return { exception, transaction, resolution, change, grounds };
    },
    async before(_, { transaction, grounds: { ending } }) {
      if (ending?.freesHeadroom === true) await reopenHeadroom(transaction.id, { limits, logger });
    },
    record: ({ ask: { asked, by } }, { exception, transaction, change, grounds: { mandate, ending } }) => [
      {
        draft: {
          ...changeAbout(transaction),
          ...(mandate === undefined ? {} : { mandate: { id: mandate.id, version: mandate.version } }),
          type: 'exception.resolved',
          outcome: 'done',
          references: referencesTo(transaction.lastRecordId, exception.recordId, mandate?.recordId),
          ...recordedRequester(by),
          data: {
            ...dataOf(exception, asked),
            state: transaction.state,
            ...(ending === undefined ? {} : { to: ending.state, version: transaction.version + 1 }),
          },
        },
        change,
      },
    ],
    // No record for callers who may not see the exception: its parties would learn who asked.
    refused: (error, { ask: { asked, by }, facts }) =>
      facts === undefined || !isRefusal(error)
        ? undefined
        : {
            ...recordAbout(facts.transaction, dependencies),
            type: 'exception.refused',
            outcome: 'deny',
            reason: error.code,
            references: referencesTo(facts.transaction.lastRecordId, facts.exception.recordId),
            ...recordedRequester(by),
            data: dataOf(facts.exception, asked),
            protectedValues: strategyOf(facts.transaction.initiatorInstitution, {
              // Facts of our errors are JSON.
              facts: error.facts as Json | undefined,
            }),
          },
    async after({ facts: { transaction } }, next) {
      if (next?.grounds.ending?.freesHeadroom === true) await releaseHeadroom(transaction.id, { limits, logger });
    },
    release: ({ exception, resolution }, { record }) => ({
      ...exception,
      status: 'resolved',
      resolution: { ...resolution, recordId: record },
    }),
  };
}

function notFound(): CodedError {
  return exceptionErrors.error('exception_not_found', 'The exception does not exist, or you have no access to it.');
}

/** Whether this repeats the same resolution by the same person. */
function isSame({ resolution }: StoredException, { asked, by }: Asked): boolean {
  return (
    resolution?.by === by.id &&
    resolution.kind === asked.kind &&
    resolution.reason === asked.reason &&
    resolution.mandate?.id === asked.mandate
  );
}

function isRefusal({ code }: CodedError): boolean {
  return [exceptionErrors, transactionErrors, consentErrors].some(({ codes }) => Object.hasOwn(codes, code));
}

interface Grounds {
  readonly mandate?: Mandate;
  readonly ending?: Ending;
}

async function groundsOf(
  about: Case,
  asked: AskedResolution,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Grounds> {
  switch (asked.kind) {
    case 'fresh-mandate': {
      if (asked.mandate === undefined) throw new Error('a fresh mandate was parsed without its id');
      const fresh = await freshMandates(about, asked.mandate, dependencies);
      if ('fault' in fresh) throw fresh.fault;
      const used = await instructionFault(about, fresh.mandates, unit);
      if (used !== undefined) throw used;
      return { mandate: fresh.named };
    }
    case 'restored': {
      const missing = await stillMissing(about, dependencies);
      if (missing !== undefined) throw missing;
      return {};
    }
    case 'accepted':
      return {};
    case 'abandoned': {
      const ending = endingOf(about.transaction);
      return ending === undefined ? {} : { ending };
    }
  }
}

/** What accepting changes beside closing the exception: a new deadline for the partner, or a successor. */
function accepting(
  { cause, raisedVersion }: StoredException,
  transaction: StoredTransaction,
  by: Requester,
  now: number,
): Pick<Change, 'carriedBy' | 'awaitedUntil'> {
  const { awaits } = stateRuleOf(lifeCycleOf(transaction.detail), transaction.state);
  return {
    ...(cause === 'departure' ? { carriedBy: by.id } : {}),
    ...(cause === 'partner-timeout' && raisedVersion === transaction.version && awaits !== undefined
      ? { awaitedUntil: now + awaits.withinSeconds * 1000 }
      : {}),
  };
}

function dataOf({ id, cause, event }: StoredException, { kind, reason, mandate }: AskedResolution) {
  return { exception: id, cause, event, kind, reason, ...defined({ mandate }) };
}

function mandateOf({ id, version, recordId }: Mandate): StoredTransaction['mandate'] {
  return { id, version, recordId };
}
