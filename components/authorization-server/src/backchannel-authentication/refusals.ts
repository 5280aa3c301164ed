import { errorVocabulary } from '@countersign/kernel';
import { type OAuthReasons, refusing } from '../refusal.ts';

/** Error codes of CIBA Core sections 11 and 13 for each reason. */
const reasons = {
  ciba_not_registered: 'unauthorized_client',
  ping_not_offered: 'unauthorized_client',
  signed_request_required: 'invalid_request',
  signed_request_mixed: 'invalid_request',
  signed_request_malformed: 'invalid_request',
  signed_request_algorithm: 'invalid_request',
  signed_request_signature: 'invalid_request',
  signed_request_key: 'invalid_request',
  signed_request_type: 'invalid_request',
  signed_request_issuer: 'invalid_request',
  signed_request_client: 'invalid_request',
  signed_request_audience: 'invalid_request',
  signed_request_time: 'invalid_request',
  signed_request_expired: 'invalid_request',
  signed_request_lifetime: 'invalid_request',
  signed_request_id: 'invalid_request',
  signed_request_kind: 'invalid_request',
  signed_request_replayed: 'invalid_request',
  request_uri_unsupported: 'invalid_request',
  parameter_malformed: 'invalid_request',
  scope_malformed: 'invalid_scope',
  scope_missing: 'invalid_scope',
  resource_malformed: 'invalid_target',
  details_malformed: 'invalid_authorization_details',
  hint_missing: 'invalid_request',
  hint_several: 'invalid_request',
  login_hint_token_unsupported: 'invalid_request',
  id_token_hint_invalid: 'invalid_request',
  hint_unknown: 'unknown_user_id',
  binding_message_missing: 'invalid_request',
  binding_message_unacceptable: 'invalid_binding_message',
  notification_token_missing: 'invalid_request',
  notification_token_malformed: 'invalid_request',
  notification_token_weak: 'invalid_request',
  too_many_outstanding: 'too_many_requests',
  auth_req_id_unknown: 'invalid_grant',
  auth_req_id_key: 'invalid_grant',
  auth_req_id_redeemed: 'invalid_grant',
  auth_req_id_expired: 'expired_token',
  polled_too_soon: 'slow_down',
  not_decided_yet: 'authorization_pending',
  consent_denied: 'access_denied',
} as const satisfies OAuthReasons;

export type BackchannelRefusal = keyof typeof reasons;

export const refuse = refusing(reasons);

/** For pages. */
export const approvalErrors = errorVocabulary({
  /** Does not exist, or is addressed to another person. */
  approval_unknown: 'not-found',
  approval_expired: 'conflict',
  approval_changed: 'conflict',
  csrf_token_invalid: 'forbidden',
  decision_missing: 'invalid',
  sign_in_abandoned: 'forbidden',
  sign_in_class: 'forbidden',
  signature_required: 'forbidden',
});
