import type { ConsentStore, Mandate } from '@countersign/contracts';
import { defined, type MandateId } from '@countersign/kernel';
import { intentUse, type Lei } from '@countersign/market';
import { type MandateNeed, partiesByPart } from './life-cycles/index.ts';
import type { StoredTransaction } from './store/store.ts';

export type MandateStanding =
  | {
      readonly stands: true;
      /** Every mandate relied on, once each, starting with the holder's. */
      readonly mandates: readonly Mandate[];
    }
  | {
      readonly stands: false;
      readonly reason: string;
      readonly detail: string;
      /** The mandate that was checked, if it exists. */
      readonly mandate?: Mandate;
      readonly atFault?: Mandate;
    };

/** The mandate to check: that of the transaction, or a replacement. */
export interface Under {
  readonly id: MandateId;
  /** The answer must not come from an older version. */
  readonly version?: number;
}

/**
 * Checks all mandates that a step needs, at the time of the step.
 *
 * @param asked.takenAt when risk was taken, for the hours of the mandate; its status and dates are checked at `asked.now`
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
