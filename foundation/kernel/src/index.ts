export { backOffMs } from './back-off.ts';
export type { Brand } from './brand.ts';
export { canonicalize, type Json, parseExactJson, parseJson } from './canonical-json.ts';
export {
  type Clock,
  epochSeconds,
  isRecent,
  parseInstant,
  type Random,
  systemClock,
  systemRandom,
  toInstant,
} from './clock.ts';
export {
  addDecimals,
  compareDecimals,
  type DecimalString,
  multiplyDecimals,
  parseDecimal,
  subtractDecimals,
  zero,
} from './decimal.ts';
export { defined } from './defined.ts';
export {
  type Digest,
  decodeBase64,
  decodeBase64Url,
  digestOf,
  equalInConstantTime,
  type IntentDigest,
  intentDigestOf,
  parseDigest,
  sha256,
  sha256Base64Url,
  sha256Digest,
} from './digest.ts';
export {
  CodedError,
  type CodedErrorOptions,
  type ErrorCategory,
  type ErrorVocabulary,
  errorVocabulary,
  isCodedError,
  unreachable,
} from './errors.ts';
export type { ExactJson } from './exact-integers.ts';
export { createGenerations, type Generations } from './generations.ts';
export {
  type ApprovalId,
  type AuthenticatorId,
  type ChangeId,
  type DecisionId,
  type DepartureId,
  derivedId,
  type EnrolmentId,
  type ExceptionId,
  type GrantId,
  type IdKind,
  type IncidentId,
  idPrefixes,
  type MandateId,
  type NoticeId,
  newId,
  type PolicyCandidateId,
  type ProfileId,
  parseId,
  type RecordId,
  type RecoveryId,
  type SessionId,
  type SimulationId,
  type StreamId,
  type SubscriptionId,
  type TokenId,
  type TransactionId,
  timeOfId,
} from './ids.ts';
export { isObject, type JsonLike, listOf, membersOf, namesOf, plainJson } from './json-members.ts';
export { isStrongKey } from './key-strength.ts';
export { isVisibleText, replaceUnseen, visibleLine } from './visible-text.ts';
