import type { Actor } from '@countersign/contracts';
import { isCodedError, type TransactionId } from '@countersign/kernel';
import type { TransitionDependencies } from './attempt.ts';
import { type Ending, endingChange, endingOf } from './exceptions/abandon.ts';
import { raiseException } from './exceptions/raise.ts';
import { releaseHeadroom, reopenHeadroom } from './headroom.ts';
import { lifeCycleOf, nextSteps, stateRuleOf } from './life-cycles/index.ts';
import type { Unit } from './proof/proven-store.ts';
import { changeAbout, referencesTo } from './records.ts';
import type { StoredTransaction } from './store.ts';

/** So many are looked up at once. */
const pageSize = 500;

type Dependencies = Pick<
  TransitionDependencies,
  'store' | 'audit' | 'clock' | 'random' | 'logger' | 'policyEngine' | 'exceptionTimes'
>;

/**
 * What becomes of the transactions that somebody has begun, or taken on, when they go: what was only meant is cancelled;
 * of what is under way an exception tells, until somebody takes it on. Asking again does nothing twice, and goes on
 * where it failed.
 *
 * @returns how many were cancelled, or are told of, by this call
 */
export async function endTransactionsOf(
  principal: string,
  by: Actor,
  reason: string,
  dependencies: Dependencies,
): Promise<number> {
  let ended = 0;
  let page: readonly TransactionId[] = [];
  do {
    page = await dependencies.store.openOf(principal, page.at(-1), pageSize);
    for (const id of page) ended += await endNext(id);
  } while (page.length === pageSize);
  return ended;

  async function endNext(id: TransactionId): Promise<number> {
    const outcome = await dependencies.store
      .inUnit((unit) => endOne(id, { principal, by, reason }, unit, dependencies))
      .catch((error: unknown) => {
        // Somebody has changed its rows: nobody carries it on, and it keeps nobody from leaving.
        if (!isCodedError(error, 'authority_unproven')) throw error;
        dependencies.logger.error(
          { error, transaction: id },
          'a transaction of somebody who leaves is not as it was recorded',
        );
        return 'unchanged' as const;
      });
    if (outcome === 'freed')
      await releaseHeadroom(id, { limits: dependencies.policyEngine.limits, logger: dependencies.logger });
    return outcome === 'unchanged' ? 0 : 1;
  }
}

interface Leaving {
  readonly principal: string;
  readonly by: Actor;
  readonly reason: string;
}

async function endOne(
  id: TransactionId,
  leaving: Leaving,
  unit: Unit,
  dependencies: Dependencies,
): Promise<'unchanged' | 'ended' | 'freed'> {
  const transaction = await unit.lock(id);
  const ending = transaction === undefined ? undefined : endingOf(transaction);
  // Ended, or taken on by somebody else, meanwhile.
  if (transaction === undefined || ending === undefined) return 'unchanged';
  if ((transaction.carriedBy ?? transaction.initiator) !== leaving.principal) return 'unchanged';
  if (transaction.state === 'intended') {
    await cancel(transaction, ending, leaving, unit, dependencies);
    return ending.freesHeadroom ? 'freed' : 'ended';
  }
  return (await tell(transaction, unit, dependencies)) ? 'ended' : 'unchanged';
}

async function cancel(
  transaction: StoredTransaction,
  ending: Ending,
  { by, reason }: Leaving,
  unit: Unit,
  dependencies: Dependencies,
): Promise<void> {
  const { clock, policyEngine } = dependencies;
  if (ending.freesHeadroom) await reopenHeadroom(transaction.id, { ...dependencies, limits: policyEngine.limits });
  await unit.change(
    transaction.id,
    {
      ...changeAbout(transaction),
      type: 'transaction.transitioned',
      outcome: 'done',
      reason: 'departure',
      references: referencesTo(transaction.lastRecordId),
      subject: by,
      data: {
        event: ending.event,
        from: transaction.state,
        to: ending.state,
        version: transaction.version + 1,
        cause: 'departure',
        reason,
      },
    },
    endingChange(transaction, ending, { by, idempotencyKey: `departure ${transaction.version}`, now: clock.now() }),
  );
}

async function tell(transaction: StoredTransaction, unit: Unit, dependencies: Dependencies): Promise<boolean> {
  const cycle = lifeCycleOf(transaction.detail);
  if (stateRuleOf(cycle, transaction.state).atRest === true) return false;
  const open = await unit.openExceptions(transaction.id);
  if (open.some(({ cause }) => cause === 'departure')) return false;
  const [next] = nextSteps(cycle, transaction.state);
  await raiseException(
    transaction,
    {
      cause: 'departure',
      event: next?.event ?? 'cancel',
      reason: 'principal_gone',
      detail: 'Whoever answered for the transaction is not there any more.',
      owner: transaction.initiatorInstitution,
    },
    unit,
    dependencies,
  );
  return true;
}
