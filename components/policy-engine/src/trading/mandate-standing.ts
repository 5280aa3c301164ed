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
 * The action of a mandate that covers each step. The action to place an order covers its execution, and the action to instruct a
 * settlement covers its release. Every other step needs its own action.
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
  readonly valid: boolean;
  /** Ids of the mandate and of its parents, as far as they were found. */
  readonly mandates: readonly string[];
}

export async function checkMandateFor(
  facts: TransactionFacts,
  action: string,
  at: number,
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<MandateAnswer> {
  const none = { valid: false, mandates: [facts.mandate.id] };
  const mandate = parseId('mandate', facts.mandate.id);
  const detail = detailOf(facts);
  if (mandate === undefined || detail === undefined) return none;
  // A token covers the whole intent; the vocabulary defines which action of the mandate its type needs.
  const mandateAction = action === 'token:issue' ? scopeActionOf(detail) : mandateActionOfStep.get(action);
  if (mandateAction === undefined) return none;
  const answer = await consentStore.check({
    mandate,
    // The registry knows initiators by LEI.
    actingFor: facts.initiatorInstitution as Lei,
    use: intentUse(detail, { action: mandateAction, at }),
    at,
    // Never check an older version than that of the intent.
    atLeastVersion: facts.mandate.version,
  });
  return answer.valid ? { valid: true, mandates: [facts.mandate.id, ...answer.chain.map(({ id }) => id)] } : none;
}

/** The stored intent lacks `actions` and `locations`. Mandates do not check them, so any valid values will do. */
export function detailOf({ intentType, intent }: TransactionFacts): AuthorizationDetail | undefined {
  if (!isAuthorizationDetailType(intentType)) return undefined;
  const parsed = parseAuthorizationDetail({
    ...intent,
    actions: [...authorizationDetailShapes[intentType].schema.properties.actions.items.enum],
    locations: ['urn:countersign:transactions'],
  });
  return parsed.ok && parsed.value.type === intentType ? parsed.value : undefined;
}
