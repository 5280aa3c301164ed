export { type CompiledPolicySet, compile } from './compile-policies.ts';
export { createEntitySnapshot, type EntityInput, type EntitySnapshot } from './entity-snapshot.ts';
export { cedarErrors, type PolicyProblem } from './errors.ts';
export { type Answer, decideFailClosed, evaluate } from './evaluate.ts';
export { type ParsedPolicy, type ParsedPolicySet, parsePolicySet } from './parse-policy-set.ts';
export type { PolicySchema } from './policy-schema.ts';
export { createReference, type Reference } from './reference.ts';
export type { AuthorizationRequest } from './request.ts';
export type { EntityUid } from './value.ts';
