import type { ConsentStore, Mandate } from '@countersign/contracts';
import { defined, type MandateId } from '@countersign/kernel';
import { intentUse, type Lei } from '@countersign/market';
import { type MandateNeed, partiesByPart } from './life-cycles/index.ts';
import type { StoredTransaction } from './store/store.ts';

export type MandateStanding =
  | {
      readonly stands: true;
      /** Every mandate that was relied on, each once, the holder's first. */
      readonly mandates: readonly Mandate[];
    }
  | {
      readonly stands: false;
      readonly reason: string;
      readonly detail: string;
      /** The one that was asked about, where there is one. */
      readonly mandate?: Mandate;
      readonly atFault?: Mandate;
    };

/** The mandate that is asked about: of the transaction, or one that would take its place. */
export interface Under {
  readonly id: MandateId;
  /** Never answered from an older version than this. */
  readonly version?: number;
}

/**
 * Asks again, at the event itself, whether everything the event rests on stands now.
 *
 * @param asked.takenAt when risk was taken: the mandate's hours are for ordering, so an order placed within them
 *   may be settled in the evening. Status and dates of the mandate are those of `asked.now`.
 */
export async function checkMandates(
  needs: readonly MandateNeed[],
  transaction: StoredTransaction,
  asked: { readonly now: number; readonly takenAt: number; readonly under?: Under },
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<MandateStanding> {
  const relied = new Map<string, Mandate>();
  const { id, version }: Under = asked.under ?? transaction.mandate;
  for (const { actingFor, action } of needs) {
    for (const institution of actingInstitutions(actingFor, transaction)) {
      const answer = await consentStore.check({
        mandate: id,
        actingFor: institution,
        use: intentUse(transaction.detail, { action, at: asked.takenAt }),
        at: asked.now,
        ...defined({ atLeastVersion: version }),
      });
      if (!answer.stands) return answer;
      for (const mandate of answer.chain) relied.set(mandate.id, mandate);
    }
  }
  return { stands: true, mandates: [...relied.values()] };
}

function actingInstitutions(actingFor: MandateNeed['actingFor'], transaction: StoredTransaction): readonly Lei[] {
  return partiesByPart(transaction).get(actingFor) ?? [];
}
