import type { ConsentStore, TransactionFacts } from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  authorizationDetailShapes,
  intentUse,
  isAuthorizationDetailType,
  type Lei,
  parseAuthorizationDetail,
  type Scope,
  scopeActionOf,
} from '@countersign/market';

/**
 * Which action of a mandate covers a step. Executing an order is what the mandate to place it was given for; releasing
 * a settlement is part of the settlement instructed. Any other step needs its own word: asking for a quote is not yet
 * accepting one.
 */
const mandateActionOfStep: ReadonlyMap<string, Scope> = new Map([
  ['order:create', 'order:create'],
  ['trade:affirm', 'order:create'],
  ['settlement:instruct', 'settlement:instruct'],
  ['settlement:release', 'settlement:instruct'],
  ['rfq:create', 'rfq:create'],
  ['rfq:accept', 'rfq:accept'],
  ['allocation:propose', 'allocation:propose'],
  ['collateral:transfer', 'collateral:transfer'],
  ['withdrawal:request', 'withdrawal:request'],
  ['withdrawal:release', 'withdrawal:request'],
  ['withdrawal-address:propose', 'withdrawal-address:propose'],
  ['report:submit', 'report:submit'],
]);

export interface MandateAnswer {
  readonly stands: boolean;
  /** Ids of the mandate and of those that it is cut from, as far as they were found. */
  readonly mandates: readonly string[];
}

/** Whether the mandate a transaction names allows this action now, for the institution that began it. */
export async function mandateStandsFor(
  facts: TransactionFacts,
  action: string,
  at: number,
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<MandateAnswer> {
  const none = { stands: false, mandates: [facts.mandate.id] };
  const mandate = parseId('mandate', facts.mandate.id);
  const detail = detailOf(facts);
  if (mandate === undefined || detail === undefined) return none;
  // A token is for the whole intent; what its type uses of the mandate is the vocabulary's to say.
  const mandateAction = action === 'token:issue' ? scopeActionOf(detail) : mandateActionOfStep.get(action);
  if (mandateAction === undefined) return none;
  const answer = await consentStore.check({
    mandate,
    actingFor: facts.initiatorInstitution as Lei,
    use: intentUse(detail, { action: mandateAction, at }),
    at,
    // Never by an older one than the intent was begun under.
    atLeastVersion: facts.mandate.version,
  });
  return answer.stands ? { stands: true, mandates: [facts.mandate.id, ...answer.chain.map(({ id }) => id)] } : none;
}

/**
 * The registry keeps an intent without the members that narrow from hop to hop. A mandate does not ask for them, so any
 * that the type allows make it whole again.
 */
export function detailOf({ intentType, intent }: TransactionFacts): AuthorizationDetail | undefined {
  if (!isAuthorizationDetailType(intentType)) return undefined;
  const parsed = parseAuthorizationDetail({
    ...intent,
    actions: [...authorizationDetailShapes[intentType].schema.properties.actions.items.enum],
    locations: ['urn:countersign:transactions'],
  });
  return parsed.ok && parsed.value.type === intentType ? parsed.value : undefined;
}
