export { type CompiledPolicySet, compile, compileStepwise } from './compile-policies.ts';
export { type ConformanceProblem, checkEntity, checkRequest } from './conformance.ts';
export { Datetime, parseDatetime } from './datetime.ts';
export { Decimal, parseDecimalValue } from './decimal.ts';
export { entitiesNamedIn } from './entities-named.ts';
export { type EntityInput, type EntityJson, entityToJson } from './entity.ts';
export { createEntitySnapshot, type EntitySnapshot } from './entity-snapshot.ts';
export { createTextReader, type SchemaTextReader } from './entity-text.ts';
export { cedarErrors, type PolicyProblem } from './errors.ts';
export { type Answer, decideFailClosed, evaluate } from './evaluate.ts';
export {
  type ConditionExplanation,
  explain,
  type FoundValue,
  type PolicyExplanation,
} from './explain.ts';
export { createLazySnapshot, EntityReadings, type LazyEntities } from './lazy-snapshot.ts';
export {
  type ExaminedPolicySet,
  examinePolicySet,
  type ParsedPolicy,
  type ParsedPolicySet,
  parsedFrom,
  parsePolicySet,
} from './parse-policy-set.ts';
export type { ActionApplication, PolicySchema, SchemaSource } from './policy-schema.ts';
export { RecentSets } from './recent-sets.ts';
export { createReference, type Reference } from './reference.ts';
export type { AuthorizationRequest } from './request.ts';
export type { EntityType, RecordType, ValueType } from './schema-types.ts';
export {
  type Entity,
  EntityReference,
  type EntityUid,
  parseEntityUid,
  RecordValue,
  SetValue,
  UnrelatedEntity,
  type Value,
} from './value.ts';
export { recordToJson } from './value-json.ts';
export { cursorAt, passed, readText, type TextCursor } from './value-text.ts';
