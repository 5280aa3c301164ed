import type { ConsentStore, Mandate } from '@countersign/contracts';
import { defined, type MandateId } from '@countersign/kernel';
import { intentUse, type Lei } from '@countersign/market';
import { type MandateNeed, partiesByPart } from './life-cycles/index.ts';
import type { StoredTransaction } from './store/store.ts';

export type MandateStanding =
  | {
      readonly valid: true;
      readonly mandates: readonly Mandate[];
    }
  | {
      readonly valid: false;
      readonly reason: string;
      readonly detail: string;
      readonly mandate?: Mandate;
      readonly atFault?: Mandate;
    };

interface Under {
  readonly id: MandateId;
  /** The answer must not come from an older version. */
  readonly version?: number;
}

/**
 * @param asked.takenAt when risk was taken, for the hours of the mandate; status and dates are checked at `asked.now`
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
      if (!answer.valid) return answer;
      for (const mandate of answer.chain) relied.set(mandate.id, mandate);
    }
  }
  return { valid: true, mandates: [...relied.values()] };
}

function actingInstitutions(actingFor: MandateNeed['actingFor'], transaction: StoredTransaction): readonly Lei[] {
  return partiesByPart(transaction).get(actingFor) ?? [];
}
