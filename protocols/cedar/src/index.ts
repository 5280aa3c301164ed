export { type CompiledPolicySet, compile } from './compile-policies.ts';
export { type ConformanceProblem, checkEntity, checkRequest } from './conformance.ts';
export { entitiesNamedIn } from './entities-named.ts';
export { type EntityInput, type EntityJson, entityToJson } from './entity.ts';
export { createEntitySnapshot, type EntitySnapshot } from './entity-snapshot.ts';
export { cedarErrors, type PolicyProblem } from './errors.ts';
export { type Answer, decideFailClosed, evaluate } from './evaluate.ts';
export {
  type ConditionExplanation,
  explain,
  type FoundValue,
  type PolicyExplanation,
} from './explain.ts';
export { createLazySnapshot, EntityReadings, type LazyEntities } from './lazy-snapshot.ts';
export { type ParsedPolicy, type ParsedPolicySet, parsePolicySet } from './parse-policy-set.ts';
export type { ActionApplication, PolicySchema } from './policy-schema.ts';
export { createReference, type Reference } from './reference.ts';
export type { AuthorizationRequest } from './request.ts';
export type { EntityType, RecordType, ValueType } from './schema-types.ts';
export type { Entity, EntityUid } from './value.ts';
