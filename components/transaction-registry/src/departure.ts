import type { Actor } from '@countersign/contracts';
import { standingErrors } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import type { TransitionDependencies } from './attempt.ts';
import { type Ending, endingChange, endingOf } from './exceptions/abandon.ts';
import { raiseWhereDue } from './exceptions/raise.ts';
import { releaseHeadroom, reopenHeadroom } from './headroom.ts';
import { lifeCycleOf, nextSteps, stateRuleOf } from './life-cycles/index.ts';
import { change } from './proof/commands.ts';
import { changeAbout, referencesTo } from './records.ts';
import type { StoredTransaction } from './store/store.ts';

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
    const leaving = { transaction: id, principal, by, reason };
    try {
      // What is under way is not cancelled: an exception tells of it.
      const isEnded = (await cancelIntended(leaving, dependencies)) || (await tellOf(leaving, dependencies));
      return isEnded ? 1 : 0;
    } catch (error) {
      // Somebody has changed its rows: nobody carries it on, and it keeps nobody from leaving.
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      dependencies.logger.error(
        { error, transaction: id },
        'a transaction of somebody who leaves is not as it was recorded',
      );
      return 0;
    }
  }
}

interface Leaving {
  readonly transaction: TransactionId;
  readonly principal: string;
  readonly by: Actor;
  readonly reason: string;
}

/** A transaction that has not come to its end, and that this principal answers for. */
interface Unended {
  readonly transaction: StoredTransaction;
  readonly ending: Ending;
}

/** @returns undefined where it has ended, or was taken on by somebody else, meanwhile */
function unendedOf(transaction: StoredTransaction | undefined, principal: string): Unended | undefined {
  const ending = transaction === undefined ? undefined : endingOf(transaction);
  return transaction !== undefined &&
    ending !== undefined &&
    (transaction.carriedBy ?? transaction.initiator) === principal
    ? { transaction, ending }
    : undefined;
}

/** @returns whether this call cancelled it: nothing of it has been done yet */
function cancelIntended(leaving: Leaving, dependencies: Dependencies): Promise<boolean> {
  const headroom = { limits: dependencies.policyEngine.limits, logger: dependencies.logger };
  return change<Leaving, Unended | undefined, Unended, Unended, boolean>(
    {
      facts: async (_, { ask, row }) => unendedOf(row, ask.principal),
      done: ({ facts }) => (facts?.transaction.state === 'intended' ? undefined : false),
      async check({ facts }) {
        if (facts === undefined) throw new Error('nothing was left behind to be cancelled');
        return facts;
      },
      next: ({ found }) => found,
      async before(_, { transaction, ending }) {
        if (ending.freesHeadroom) await reopenHeadroom(transaction.id, headroom);
      },
      record: ({ ask: { by, reason }, now }, { transaction, ending }) => [
        {
          draft: {
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
          change: endingChange(transaction, ending, {
            by,
            idempotencyKey: `departure ${transaction.version}`,
            now,
          }),
        },
      ],
      // Whoever has gone is asked nothing any more.
      refused: () => undefined,
      async after(_, next) {
        if (next?.ending.freesHeadroom === true) await releaseHeadroom(next.transaction.id, headroom);
      },
      release: () => true,
    },
    dependencies,
    leaving,
  );
}

/** @returns whether an exception tells of it since this call */
function tellOf({ transaction: id, principal }: Leaving, dependencies: Dependencies): Promise<boolean> {
  return raiseWhereDue(
    {
      transaction: id,
      look(transaction, open) {
        const cycle = lifeCycleOf(transaction.detail);
        if (unendedOf(transaction, principal) === undefined || transaction.state === 'intended') return undefined;
        if (stateRuleOf(cycle, transaction.state).atRest === true) return undefined;
        if (open.some(({ cause }) => cause === 'departure')) return undefined;
        const [next] = nextSteps(cycle, transaction.state);
        return {
          cause: 'departure',
          event: next?.event ?? 'cancel',
          reason: 'principal_gone',
          detail: 'Whoever answered for the transaction is not there any more.',
          owner: transaction.initiatorInstitution,
        };
      },
    },
    dependencies,
  );
}
