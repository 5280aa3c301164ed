import type { CompiledPolicy, CompiledPolicySet, MetAction } from './compile-policies.ts';
import { cedarErrors } from './errors.ts';
import type { Frame } from './frame.ts';
import { PolicyFault } from './policy-fault.ts';
import { type AuthorizationRequest, contextOf, referenceOf } from './request.ts';

export interface Answer {
  readonly decision: 'allow' | 'deny';
  /** Ids of the policies that made the decision, in text order; empty if no policy applied. */
  readonly determining: readonly string[];
  /** Policies that could not be evaluated. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
}

/**
 * Evaluates with Cedar's own semantics: allow if a permit is satisfied and no forbid is. A policy that errors counts as not
 * satisfied, **even a forbid**: use {@link decideFailClosed} for real decisions.
 * @throws CodedError `request_refused` if the request itself is malformed
 */
export function evaluate(policies: CompiledPolicySet, request: AuthorizationRequest): Answer {
  const met = policies.meet(request.action);
  return answer(met.policies, frameOf(policies, met, request), false);
}

/**
 * Like {@link evaluate}, with two differences:
 * - a forbid that errors counts as satisfied: it denies and is listed both in `determining` and in `errors` (a permit that
 *   errors permits nothing, as in Cedar);
 * - a request that the schema does not declare is refused: strict validation covers only the declared actions and types of
 *   principal and resource. For example, a forbid for `Person` does not apply to a `Robot`.
 * @throws CodedError `request_refused` if the request is malformed or not declared; nothing is then allowed
 */
export function decideFailClosed(policies: CompiledPolicySet, request: AuthorizationRequest): Answer {
  const met = policies.meet(request.action);
  const frame = frameOf(policies, met, request);
  const { principal, resource } = frame;
  const { application } = met;
  if (application?.principalTypes.has(principal.type) !== true || !application.resourceTypes.has(resource.type)) {
    const types = `a principal of type ${principal.type.slice(0, 128)} and a resource of type ${resource.type.slice(0, 128)}`;
    throw cedarErrors.error('request_refused', `The schema does not declare this action for ${types}.`);
  }
  return answer(met.policies, frame, true);
}

const none: readonly never[] = Object.freeze([]);

function answer(policies: readonly CompiledPolicy[], frame: Frame, forbidOnError: boolean): Answer {
  let permits: readonly string[] | undefined;
  let forbids: readonly string[] | undefined;
  let errors: { policyId: string; message: string }[] | undefined;
  for (const policy of policies) {
    if (policy.scope !== undefined && !policy.scope(frame)) continue;
    let satisfied = true;
    if (policy.condition !== undefined) {
      try {
        const value = policy.condition(frame);
        if (typeof value !== 'boolean') throw conditionNotBoolean;
        satisfied = value;
      } catch (error) {
        if (!(error instanceof PolicyFault)) throw error;
        errors ??= [];
        errors.push({ policyId: policy.id, message: error.message });
        satisfied = forbidOnError && policy.effect === 'forbid';
      }
    }
    if (!satisfied) continue;
    if (policy.effect === 'permit') permits = permits?.concat(policy.id) ?? policy.alone;
    else forbids = forbids?.concat(policy.id) ?? policy.alone;
  }
  if (forbids === undefined && permits !== undefined) {
    return { decision: 'allow', determining: permits, errors: errors ?? none };
  }
  return { decision: 'deny', determining: forbids ?? none, errors: errors ?? none };
}

const conditionNotBoolean = new PolicyFault('the condition is not a boolean');

/** @throws CodedError `request_refused` when the request is malformed */
export function frameOf(policies: CompiledPolicySet, met: MetAction, request: AuthorizationRequest): Frame {
  const { entities } = request;
  const { actions } = policies;
  const principal = referenceOf('principal', request.principal);
  const resource = referenceOf('resource', request.resource);
  const context = contextOf(request.context);
  const principalEntity = entities.resolve(principal) ?? actions.find(principal);
  const resourceEntity = entities.resolve(resource) ?? actions.find(resource);
  return {
    // The entity's own reference object, so that it is recognised by identity instead of by name.
    principal: principalEntity?.reference ?? principal,
    action: met.reference,
    resource: resourceEntity?.reference ?? resource,
    context,
    entities,
    actions,
    principalEntity,
    actionEntity: met.entity,
    resourceEntity,
  };
}
