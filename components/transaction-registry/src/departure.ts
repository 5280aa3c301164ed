import { type Actor, standingErrors } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import type { TransitionDependencies } from './attempt.ts';
import { type Ending, endingChange, endingOf } from './exceptions/abandon.ts';
import { raiseWhereDue } from './exceptions/raise.ts';
import { releaseHeadroom, reopenHeadroom } from './headroom.ts';
import { lifeCycleOf, nextSteps, stateRuleOf } from './life-cycles/index.ts';
import { change } from './proof/commands.ts';
import { changeAbout, referencesTo } from './records.ts';
import type { StoredTransaction } from './store/store.ts';

const pageSize = 500;

type Dependencies = Pick<
  TransitionDependencies,
  'store' | 'audit' | 'clock' | 'random' | 'logger' | 'policyEngine' | 'exceptionTimes'
>;

/**
 * Cancels intended transactions of a leaver and raises exceptions for those under way. Safe to repeat.
 *
 * @returns how many transactions this call cancelled or raised an exception for
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
      // A transaction under way cannot be cancelled, so it gets an exception.
      const isEnded = (await cancelIntended(leaving, dependencies)) || (await raiseDeparture(leaving, dependencies));
      return isEnded ? 1 : 0;
    } catch (error) {
      // Somebody changed the rows of this transaction. It cannot proceed and must not block the departure.
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      dependencies.logger.error(
        { error, transaction: id },
        'the rows of a transaction of a departing person differ from its records',
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

interface Unended {
  readonly transaction: StoredTransaction;
  readonly ending: Ending;
}

function unendedOf(transaction: StoredTransaction | undefined, principal: string): Unended | undefined {
  const ending = transaction === undefined ? undefined : endingOf(transaction);
  return transaction !== undefined &&
    ending !== undefined &&
    (transaction.carriedBy ?? transaction.initiator) === principal
    ? { transaction, ending }
    : undefined;
}

function cancelIntended(leaving: Leaving, dependencies: Dependencies): Promise<boolean> {
  const headroom = { limits: dependencies.policyEngine.limits, logger: dependencies.logger };
  return change<Leaving, Unended | undefined, Unended, Unended, boolean>(
    {
      facts: async (_, { ask, row }) => unendedOf(row, ask.principal),
      done: ({ facts }) => (facts?.transaction.state === 'intended' ? undefined : false),
      async check({ facts }) {
        if (facts === undefined) throw new Error('there is no unfinished transaction to cancel');
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
      // A departure has no caller whose refusal could be recorded.
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

function raiseDeparture({ transaction: id, principal }: Leaving, dependencies: Dependencies): Promise<boolean> {
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
          detail: 'The person responsible for the transaction has left.',
          owner: transaction.initiatorInstitution,
        };
      },
    },
    dependencies,
  );
}
