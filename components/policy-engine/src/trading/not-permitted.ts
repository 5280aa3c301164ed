import type { Actor, DecisionReason } from '@countersign/contracts';
import { isScope, kindOfScope } from '@countersign/market';
import type { TradingInput } from './trading-input.ts';

/**
 * Why steps on this intent are not possible yet, by the rule of the transaction registry (`steps/rules.ts`): its initiator must have
 * been permitted a token for it and, if the caller belongs to another institution, one for an interface of that institution.
 *
 * @param isOperator whether the caller may ask about all institutions, so that the one taking the step is unknown
 */
export function notPermittedReason(
  { action, resource }: Pick<TradingInput, 'action' | 'resource'>,
  caller: Actor,
  isOperator: boolean,
): DecisionReason | undefined {
  if (resource.type !== 'transaction' || resource.facts.state !== 'intended' || action === 'token:issue')
    return undefined;
  const { permitted, completingScopes, initiatorInstitution } = resource.facts;
  if (completingScopes?.includes(action) === true || isCancelling(action)) return undefined;
  if (permitted === undefined)
    return {
      code: 'intent_not_permitted',
      detail:
        'No token was permitted for this intent. Its initiator must ask for one, with the required sign-in and approvals.',
    };
  const { institution } = caller;
  if (isOperator || institution === initiatorInstitution) return undefined;
  if (institution !== undefined && permitted.reached.includes(institution)) return undefined;
  return {
    code: 'intent_not_sent',
    detail:
      'The initiator of this transaction has no token for one of your interfaces. The initiator must first send the intent with such a token.',
  };
}

/** Cancelling does not need the initiator's token. */
function isCancelling(action: string): boolean {
  return isScope(action) && kindOfScope(action) === 'cancelling';
}
