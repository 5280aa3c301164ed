import { type AuditLog, type Independence, retentionErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { dependenceRefusal } from './deciding.ts';
import type { RetentionState, StandingHold } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import { readLine } from './plain-text.ts';
import { peopleOf, type Requester, share } from './requester.ts';
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
  independence,
}: {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly log: Pick<AuditLog, 'query'>;
  readonly independence: Independence;
}): Holds {
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
      if (share(peopleOf(by), hold.people))
        return refuse(
          retentionErrors.error(
            'hold_same_person',
            'Who placed a hold does not release it, nor does anybody who acts through or for them.',
          ),
        );
      const dependence = await dependenceRefusal(independence, hold.people, by);
      if (dependence !== undefined) return refuse(dependence);
      if (await isAbout(hold.scope, by, log)) return refuse(bySubject());
      return store.inTurn(async () => {
        const { releasedAt } = holdOf(await ledger.current(), id);
        if (releasedAt !== undefined)
          return refuse(retentionErrors.error('hold_released', `The hold was released at ${releasedAt}.`));
        await ledger.record({ type: 'hold.released', references: [hold.record], data: { hold: id, reason } }, by);
        return holdOf(await ledger.current(), id);
      });
    },
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
