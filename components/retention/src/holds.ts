import { createSecondPerson, type SecondPersonDependencies } from '@countersign/commands';
import { type AuditLog, retentionErrors } from '@countersign/contracts';
import { type CodedError, isCodedError, parseInstant } from '@countersign/kernel';
import type { RetentionState, StandingHold } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import { readLine } from './plain-text.ts';
import { peopleOf, type Requester } from './requester.ts';
import { isAbout, readScope, type WrittenScope, writeScope } from './scope.ts';
import type { Store } from './store.ts';

/** What must stay, whatever its age, until somebody else lets it go. */
export interface Holds {
  /**
   * From when this resolves nothing goes that the scope finds, nor is anything erased under a key that is used in it.
   *
   * @param request.matter court or authority, and reference
   * @param request.future the scope may find nothing yet: it is meant for what is to come
   * @throws CodedError `retention_malformed`, `hold_by_its_subject`, `hold_finds_nothing`
   */
  place(
    request: { readonly scope: WrittenScope; readonly matter: string; readonly future: boolean },
    by: Requester,
  ): Promise<StandingHold>;
  /** @throws CodedError `hold_not_found`, `hold_released`, `hold_same_person`, `approver_not_independent`, `hold_by_its_subject` */
  release(id: string, reason: string, by: Requester): Promise<StandingHold>;
}

export function createHolds({
  store,
  ledger,
  log,
  ...dependencies
}: SecondPersonDependencies & {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly log: Pick<AuditLog, 'query'>;
}): Holds {
  const second = createSecondPerson(rules, dependencies);
  return {
    async place({ scope: written, matter: matterText, future }, by) {
      const scope = readScope(written);
      const matter = readLine('The matter of a hold', matterText);
      const refuse = (error: CodedError) => ledger.refuse(error, { operation: 'legalhold:place' }, by);
      if (await told(isAbout(scope, by, log), false)) return refuse(bySubject());
      const finds = await told(
        log.query({ ...scope, limit: 1 }).then(({ length }) => length > 0),
        true,
      );
      if (!finds && !future)
        return refuse(
          retentionErrors.error(
            'hold_finds_nothing',
            'The log holds nothing that this would keep. If it is meant for what is to come, say so (`future`).',
          ),
        );
      return store.inTurn(async () => {
        const id = await ledger.record(
          { type: 'hold.placed', data: { scope: { ...writeScope(scope) }, matter, finds_nothing_yet: !finds } },
          by,
        );
        return holdOf(await ledger.current(), id);
      });
    },

    async release(id, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      const refuse = (error: CodedError) => ledger.refuse(error, { operation: 'legalhold:release', about: id }, by);
      const hold = holdOf(await ledger.current(), id);
      const refusal = await second.refusalOf(placed(hold), { people: peopleOf(by) });
      if (refusal !== undefined) return refuse(refusal);
      if (await isAbout(hold.scope, by, log)) return refuse(bySubject());
      return store.inTurn(async () => {
        const late = second.settled(placed(holdOf(await ledger.current(), id)));
        if (late !== undefined) return refuse(late);
        await ledger.record({ type: 'hold.released', references: [hold.record], data: { hold: id, reason } }, by);
        return holdOf(await ledger.current(), id);
      });
    },
  };
}

/** Somebody else lets it go, whether or not whoever placed it is still there. */
const rules = {
  what: 'hold',
  codes: {
    settled: 'hold_released',
    self: 'hold_same_person',
    digest: 'proposal_outdated',
    dependent: 'approver_not_independent',
    gone: 'proposer_gone',
  },
  error: retentionErrors.error,
} as const;

function placed({ people, placedAt, releasedAt }: StandingHold) {
  return {
    people,
    proposedAt: parseInstant(placedAt) ?? Number.NEGATIVE_INFINITY,
    decided: releasedAt === undefined ? undefined : 'released',
  };
}

/**
 * What the log answers, or what is taken for its answer where it cannot look far enough now. A hold that has to wait for
 * that comes too late; and whoever floods the log could make it wait.
 */
async function told(answer: Promise<boolean>, unanswered: boolean): Promise<boolean> {
  try {
    return await answer;
  } catch (error) {
    if (isCodedError(error, 'query_behind') || isCodedError(error, 'query_too_wide')) return unanswered;
    throw error;
  }
}

function holdOf({ holds }: RetentionState, id: string): StandingHold {
  const hold = holds.get(id);
  if (hold === undefined) throw retentionErrors.error('hold_not_found', 'There is no hold by this id.');
  return hold;
}

function bySubject(): CodedError {
  return retentionErrors.error(
    'hold_by_its_subject',
    'A hold is neither placed nor released by whom it is about, nor by somebody who has a part in what it names.',
  );
}
