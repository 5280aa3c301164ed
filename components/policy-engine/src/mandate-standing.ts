import type { ConsentStore, TransactionFacts } from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import { intentUse, type Lei, parseAuthorizationDetail } from '@countersign/market';

/**
 * Which action of a mandate covers an action that the policies decide about. Executing an order is what the
 * mandate to place it was given for; releasing a settlement is part of the settlement instructed.
 */
const mandateActionOf: Readonly<Record<string, string>> = {
  'token:issue': 'order:create',
  'order:create': 'order:create',
  'trade:affirm': 'order:create',
  'settlement:instruct': 'settlement:instruct',
  'settlement:release': 'settlement:instruct',
};

/** Whether the mandate a transaction names allows this action now, for the institution that began it. */
export async function mandateStandsFor(
  facts: TransactionFacts,
  action: string,
  at: number,
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<boolean> {
  const mandate = parseId('mandate', facts.mandate.id);
  const mandateAction = mandateActionOf[action];
  if (mandate === undefined || mandateAction === undefined) return false;
  // The registry digests an intent without the members that narrow from hop to hop; a mandate does not ask for them.
  const parsed = parseAuthorizationDetail({
    ...facts.intent,
    actions: ['create'],
    locations: ['urn:countersign:transactions'],
  });
  const detail = parsed.ok ? parsed.value : undefined;
  if (detail === undefined) return false;
  const answer = await consentStore.check({
    mandate,
    actingFor: facts.initiatorInstitution as Lei,
    use: intentUse(detail, { action: mandateAction, at }),
    at,
  });
  return answer.stands;
}
