import type { ConsentStore, Mandate } from '@countersign/contracts';
import { intentUse, type Lei } from '@countersign/market';
import type { OrderTransaction } from './order.ts';
import type { MandateNeed } from './state-machine.ts';

export type MandateStanding =
  | {
      readonly stands: true;
      /** Every mandate that was relied on, each once, the holder's first. */
      readonly mandates: readonly Mandate[];
    }
  | { readonly stands: false; readonly reason: string; readonly detail: string; readonly atFault?: Mandate };

/**
 * Asks again, at the event itself, whether everything the event rests on stands now.
 *
 * @param asked.takenAt when risk was taken: the mandate's hours are for ordering, so an order placed within them
 *   may be settled in the evening. Status and dates of the mandate are those of `asked.now`.
 */
export async function checkMandates(
  needs: readonly MandateNeed[],
  transaction: OrderTransaction,
  asked: { readonly now: number; readonly takenAt: number },
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<MandateStanding> {
  const relied = new Map<string, Mandate>();
  for (const { actingFor, action } of needs) {
    for (const institution of actingInstitutions(actingFor, transaction)) {
      const answer = await consentStore.check({
        mandate: transaction.mandate.id,
        actingFor: institution,
        use: intentUse(transaction.detail, { action, at: asked.takenAt }),
        at: asked.now,
        atLeastVersion: transaction.mandate.version,
      });
      if (!answer.stands) return answer;
      for (const mandate of answer.chain) relied.set(mandate.id, mandate);
    }
  }
  return { stands: true, mandates: [...relied.values()] };
}

function actingInstitutions(
  actingFor: MandateNeed['actingFor'],
  { detail, initiatorInstitution }: OrderTransaction,
): readonly Lei[] {
  return actingFor === 'initiator'
    ? [initiatorInstitution]
    : detail.parties.filter(({ role }) => role === actingFor).map(({ lei }) => lei);
}
