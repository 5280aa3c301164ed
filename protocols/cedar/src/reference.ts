import { type Context, preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { entitiesNamedIn } from './entities-named.ts';
import { collectReferences } from './entity.ts';
import { cedarErrors } from './errors.ts';
import type { Answer } from './evaluate.ts';
import type { ParsedPolicySet } from './parse-policy-set.ts';
import { askReference } from './reference-parser.ts';
import { type AuthorizationRequest, contextOf, referenceOf } from './request.ts';
import { type EntityUid, RecordValue } from './value.ts';
import { recordToJson } from './value-json.ts';

/** The reference engine with the interface of `evaluate`: a test oracle, about fifty times slower. */
export interface Reference {
  /**
   * Cedar's own semantics, without schema-based request validation. `determining` and `errors` are in the order of the
   * policies' text; the messages are the reference engine's own.
   * @throws CodedError `request_refused` as `evaluate` does; `reference_failed` if the engine fails, which is neither
   *   agreement nor divergence
   */
  evaluate(request: AuthorizationRequest): Answer;
}

/**
 * The engine keeps every policy set it has ever parsed, by name and for the life of the thread. Therefore a fixed number of
 * names is reused in turn. A set that lost its name is parsed again on its next use.
 */
const slots: (ParsedPolicySet | undefined)[] = [undefined, undefined, undefined, undefined];
let nextSlot = 0;

export function createReference(parsed: ParsedPolicySet): Reference {
  const position = new Map(parsed.policies.map((policy, index) => [policy.id, index]));
  const inTextOrder = (left: string, right: string): number => (position.get(left) ?? 0) - (position.get(right) ?? 0);
  const { actions, applications } = parsed.schema;
  const actionsJson = actions.closureOf(applications.keys());
  const named = entitiesNamedIn(parsed);
  return {
    evaluate(request) {
      referenceOf('action', request.action);
      const principal = referenceOf('principal', request.principal);
      const resource = referenceOf('resource', request.resource);
      const context = contextOf(request.context);
      // Only the entities reachable from here, because the engine spends most of its time importing entities.
      const roots: EntityUid[] = [principal, resource, ...named];
      collectReferences(context, roots);
      const call = {
        preparsedPolicySetId: slotOf(parsed),
        principal: uidOf(request.principal),
        action: uidOf(request.action),
        resource: uidOf(request.resource),
        // Passed unparsed, so that the comparison also covers our parser. `contextOf` has vouched for the type.
        context: request.context instanceof RecordValue ? recordToJson(context) : (request.context as Context),
        entities: [...actionsJson, ...request.entities.closureOf(roots)],
        validateRequest: false,
      };
      const answer = askReference(() => statefulIsAuthorized(call));
      if (answer.type === 'failure') {
        throw cedarErrors.error('reference_failed', 'The Cedar reference engine refused the question.', {
          internal: answer.errors.map((error) => error.message).join('; '),
        });
      }
      const { decision, diagnostics } = answer.response;
      return {
        decision,
        determining: [...diagnostics.reason].sort(inTextOrder),
        errors: diagnostics.errors
          .map(({ policyId, error }) => ({ policyId, message: error.message }))
          .sort((left, right) => inTextOrder(left.policyId, right.policyId)),
      };
    },
  };
}

function slotOf(parsed: ParsedPolicySet): string {
  const held = slots.indexOf(parsed);
  if (held !== -1) return slotName(held);
  const slot = nextSlot;
  nextSlot = (nextSlot + 1) % slots.length;
  const staticPolicies = Object.fromEntries(parsed.policies.map((policy) => [policy.id, policy.text]));
  slots[slot] = undefined;
  const answer = askReference(() => preparsePolicySet(slotName(slot), { staticPolicies }));
  if (answer.type === 'failure') {
    throw cedarErrors.error('reference_failed', 'The Cedar reference engine refused the policies.', {
      internal: answer.errors.map((error) => error.message).join('; '),
    });
  }
  slots[slot] = parsed;
  return slotName(slot);
}

function uidOf({ type, id }: EntityUid): { type: string; id: string } {
  return { type, id };
}

function slotName(slot: number): string {
  return `countersign-${slot}`;
}
