export { fromFixField, fromHttpField, toFixField, toHttpField } from './carriers.ts';
export { type EnvelopeClaims, envelopeClaims, parseEnvelope } from './claims.ts';
export { envelopeSchema } from './claims-schema.ts';
export {
  type EnvelopeExpectations,
  envelopeBounds,
  envelopeErrors,
  envelopeFixTag,
  envelopeHeader,
  envelopeType,
  type IdentityEnvelope,
  maxEnvelopeLength,
  maxEnvelopeSeconds,
} from './envelope.ts';
export { envelopeJwsHeader, signEnvelope } from './sign-envelope.ts';
export { isReferenceOf, type SubjectReference, subjectReference } from './subject-reference.ts';
export { verifyEnvelope } from './verify-envelope.ts';
