/** Entry point without token verification, for clients that protect no interface. It loads much faster. */
export {
  type ApprovalTerms,
  type ApprovedItem,
  batchRoot,
  type CertifiedKey,
  signApproval,
  signBatchApproval,
  signCertifiedApproval,
  signStepUp,
} from './approval.ts';
export {
  type AuthorizationRequest,
  type CallRequest,
  type Client,
  type ClientOptions,
  type CodeRedemption,
  createClient,
  type Token,
  type TokenRequest,
} from './client.ts';
export { commandRedirectUri } from './command-redirect.ts';
export {
  type ControlPlane,
  createControlPlane,
  stepOf,
  type TransactionStepDetail,
  type TransitionOrder,
} from './control-plane.ts';
export { type DecisionAnswer, type DecisionObligation, readDecisionAnswer } from './decision-answer.ts';
export {
  type DevelopmentClient,
  developmentPeople,
  isDevelopmentClient,
  isForPerson,
  signInForDevelopment,
  tokenInDevelopment,
} from './development-person.ts';
export { createEmergencyTool, type EmergencyTool } from './emergency.ts';
export {
  createEnvelopeVerifier,
  digestOfReceivedIntent,
  type EnvelopeVerifier,
  type IdentityEnvelope,
  type MessageFacts,
  toFixField,
  toHttpField,
} from './envelope.ts';
export {
  type ControlPlaneEvent,
  createEventReader,
  createEventVerifier,
  type EventPage,
  type EventReader,
  type EventVerifier,
  eventErrors,
  type ReceivedRequest,
} from './events.ts';
export { generateSigningKey, importSigningKey, type SigningKey } from './keys.ts';
export { noAnswer } from './no-answer.ts';
export {
  createSecurityEventReader,
  createSecurityEventVerifier,
  type SecurityEvent,
  type SecurityEventPage,
  type SecurityEventReader,
  type SecurityEventVerifier,
  securityEventErrors,
  securityEventRefusal,
} from './security-events.ts';
export { type Answer, createTransport, isObject, refusalOf, type Transport } from './transport.ts';
