import {
  type Actor,
  exceptionErrors,
  type Mandate,
  type RecordDraft,
  type TransactionException,
} from '@countersign/contracts';
import { type CodedError, type ExceptionId, type Json, toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { standingApprovals } from '../facts.ts';
import { releaseHeadroom, reopenHeadroom } from '../headroom.ts';
import { knownFacts } from '../known-facts.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type { Change } from '../proof/change.ts';
import type { Unit } from '../proof/proven-store.ts';
import { changeAbout, recordAbout, referencesTo, strategyOf } from '../records.ts';
import { instructionFault } from '../steps/instruction-used.ts';
import { publicException } from '../store/exceptions.ts';
import type { StoredException, StoredTransaction } from '../store.ts';
import { type Ending, endingChange, endingOf } from './abandon.ts';
import { type Case, freshMandates, stillMissing } from './healed.ts';
import { type AskedResolution, mustSuit, parseResolution } from './resolution.ts';
import { resolverFault } from './resolver.ts';

interface Resolved {
  readonly exception: StoredException;
  /** The transaction was ended, and no longer counts against limits. */
  readonly freed: boolean;
}

/** Deals with an exception, once; see the contract. Refusals are recorded before they are told. */
export async function resolveException(
  id: ExceptionId,
  resolution: { readonly kind: string; readonly reason: string; readonly mandate?: string },
  by: Actor,
  dependencies: TransitionDependencies,
): Promise<TransactionException> {
  const asked = parseResolution(resolution);
  const { exception, freed } = await dependencies.store.inUnit((unit) => resolve(id, asked, by, unit, dependencies));
  if (freed)
    await releaseHeadroom(exception.transaction, {
      limits: dependencies.policyEngine.limits,
      logger: dependencies.logger,
    });
  return publicException(exception);
}

async function resolve(
  id: ExceptionId,
  asked: AskedResolution,
  by: Actor,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Resolved> {
  const named = await unit.exception(id);
  const transaction = named === undefined ? undefined : await unit.lock(named.transaction);
  // Read again under the lock of its transaction: nobody else resolves it meanwhile.
  const exception = transaction === undefined ? undefined : await unit.exception(id);
  if (transaction === undefined || exception === undefined || !transaction.parties.includes(by.institution ?? ''))
    throw exceptionErrors.error('exception_not_found', 'There is no such exception, or it is not yours to see.');
  if (exception.resolution !== undefined) return { exception: sameAgain(exception, asked, by), freed: false };
  const given = await unit.approvals(transaction.id);
  const snapshot = dependencies.directory.snapshot();
  const past = await unit.transitions(transaction.id);
  const unfit = resolverFault(by, exception, transaction, { given, past }, snapshot);
  if (unfit !== undefined) return refuse(exception, transaction, asked, by, unfit, dependencies);
  mustSuit(exception.cause, asked);
  const now = dependencies.clock.now();
  const about: Case = {
    exception,
    transaction,
    past,
    approvals: await standingApprovals(transaction, given, now, dependencies),
    known: await knownFacts(transaction, unit, { directory: snapshot, now }),
    now,
  };
  const grounds = await groundsOf(about, asked, unit, dependencies);
  if ('fault' in grounds) return refuse(exception, transaction, asked, by, grounds.fault, dependencies);
  return carryOut(about, asked, by, grounds, unit, dependencies);
}

/** @throws CodedError `exception_resolved` when it was resolved by somebody else, or otherwise */
function sameAgain(exception: StoredException, asked: AskedResolution, by: Actor): StoredException {
  const { resolution } = exception;
  if (
    resolution?.by === by.id &&
    resolution.kind === asked.kind &&
    resolution.reason === asked.reason &&
    resolution.mandate?.id === asked.mandate
  )
    return exception;
  throw exceptionErrors.error('exception_resolved', 'The exception has been resolved already.', {
    facts: { kind: resolution?.kind },
  });
}

/** What a resolution rests on. */
interface Grounds {
  readonly mandate?: Mandate;
  readonly ending?: Ending;
}

async function groundsOf(
  about: Case,
  asked: AskedResolution,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Grounds | { readonly fault: CodedError }> {
  switch (asked.kind) {
    case 'fresh-mandate': {
      if (asked.mandate === undefined) throw new Error('a fresh mandate was parsed without its id');
      const fresh = await freshMandates(about, asked.mandate, dependencies);
      if ('fault' in fresh) return fresh;
      const used = await instructionFault(about, fresh.mandates, unit);
      return used === undefined ? { mandate: fresh.named } : { fault: used };
    }
    case 'restored': {
      const fault = await stillMissing(about, dependencies);
      return fault === undefined ? {} : { fault };
    }
    case 'accepted':
      return {};
    case 'abandoned': {
      const ending = endingOf(about.transaction);
      return ending === undefined ? {} : { ending };
    }
  }
}

/** Evidence first, then what it says. */
async function carryOut(
  { exception, transaction, now }: Case,
  asked: AskedResolution,
  by: Actor,
  { mandate, ending }: Grounds,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Resolved> {
  const { policyEngine } = dependencies;
  if (ending?.freesHeadroom === true)
    await reopenHeadroom(transaction.id, { ...dependencies, limits: policyEngine.limits });
  const draft: Omit<RecordDraft, 'id'> = {
    ...changeAbout(transaction),
    ...(mandate === undefined ? {} : { mandate: { id: mandate.id, version: mandate.version } }),
    type: 'exception.resolved',
    outcome: 'done',
    references: referencesTo(transaction.lastRecordId, exception.recordId, mandate?.recordId),
    subject: by,
    data: {
      ...dataOf(exception, asked),
      state: transaction.state,
      ...(ending === undefined ? {} : { to: ending.state, version: transaction.version + 1 }),
    },
  };
  const resolution = {
    kind: asked.kind,
    by: by.id,
    reason: asked.reason,
    at: toInstant(now),
    ...(mandate === undefined ? {} : { mandate: { id: mandate.id, version: mandate.version } }),
  };
  const recordId = await unit.change(transaction.id, draft, {
    resolved: { exception: exception.id, resolution },
    ...(mandate === undefined ? {} : { mandate: mandateOf(mandate) }),
    ...(asked.kind === 'accepted' ? accepting(exception, transaction, by, now) : {}),
    ...(ending === undefined
      ? {}
      : endingChange(transaction, ending, { by, idempotencyKey: `exception ${exception.id}`, now })),
  });
  return {
    exception: { ...exception, status: 'resolved', resolution: { ...resolution, recordId } },
    freed: ending?.freesHeadroom === true,
  };
}

/** What accepting changes, beside what it closes: they are waited for again, or somebody has taken it on. */
function accepting(
  { cause, raisedVersion }: StoredException,
  transaction: StoredTransaction,
  by: Actor,
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

async function refuse(
  exception: StoredException,
  transaction: StoredTransaction,
  asked: AskedResolution,
  by: Actor,
  fault: CodedError,
  { audit, ...from }: TransitionDependencies,
): Promise<never> {
  await audit.append({
    ...recordAbout(transaction, from),
    type: 'exception.refused',
    outcome: 'deny',
    reason: fault.code,
    references: referencesTo(transaction.lastRecordId, exception.recordId),
    subject: by,
    data: dataOf(exception, asked),
    protectedValues: strategyOf(transaction.initiatorInstitution, { facts: fault.facts as Json | undefined }),
  });
  throw fault;
}

function dataOf({ id, cause, event }: StoredException, { kind, reason, mandate }: AskedResolution) {
  return { exception: id, cause, event, kind, reason, ...(mandate === undefined ? {} : { mandate }) };
}

function mandateOf({ id, version, recordId }: Mandate): StoredTransaction['mandate'] {
  return { id, version, recordId };
}
