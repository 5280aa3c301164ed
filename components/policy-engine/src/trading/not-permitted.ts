import type { Actor, DecisionReason } from '@countersign/contracts';
import { isScope, kindOfScope } from '@countersign/market';
import type { TradingInput } from './trading-input.ts';

/**
 * Whether anybody may act on the intent of a transaction yet, by the rule of the transaction registry (`steps/rules.ts`): whoever
 * began it was permitted a token for it and, where the caller is of another institution, one for an interface of theirs.
 * No policy can permit what was never asked for.
 *
 * @param isOperator whether the caller may ask about everybody: who takes the step is then not known here
 */
export function notPermittedReason(
  { action, resource }: Pick<TradingInput, 'action' | 'resource'>,
  caller: Actor,
  isOperator: boolean,
): DecisionReason | undefined {
  if (resource.type !== 'transaction' || resource.facts.state !== 'intended' || action === 'token:issue')
    return undefined;
  const { permitted, carriedThrough, initiatorInstitution } = resource.facts;
  if (carriedThrough?.includes(action) === true || isCancelling(action)) return undefined;
  if (permitted === undefined)
    return {
      code: 'intent_not_permitted',
      detail:
        'No token was permitted for this intent: whoever began it has to ask for one, with the sign-in and the approvals that it needs.',
    };
  const { institution } = caller;
  if (isOperator || institution === initiatorInstitution) return undefined;
  if (institution !== undefined && permitted.reached.includes(institution)) return undefined;
  return {
    code: 'intent_not_sent',
    detail:
      'Whoever began this transaction was permitted no token for an interface of yours: they send the intent with one first.',
  };
}

/** To give up what has not happened takes no token of whoever began it. */
function isCancelling(action: string): boolean {
  return isScope(action) && kindOfScope(action) === 'cancelling';
}
