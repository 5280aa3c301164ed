import { oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type OAuthReasons, refusing } from '../refusal.ts';

/** OAuth error of each reason. */
const reasons = {
  client_unknown: 'invalid_request',
  client_id_missing: 'invalid_request',
  /** FAPI 2.0 Security Profile section 5.3.2.2. */
  pushed_request_required: 'invalid_request',
  request_uri_inside: 'invalid_request',
  request_uri_malformed: 'invalid_request_uri',
  request_uri_unknown: 'invalid_request_uri',
  request_uri_expired: 'invalid_request_uri',
  request_uri_used: 'invalid_request_uri',
  request_object_not_here: 'request_not_supported',
  request_uri_not_here: 'request_uri_not_supported',
  signed_request_required: 'invalid_request',
  request_object_replayed: 'invalid_request_object',
  request_object_parameter: 'invalid_request_object',
  too_many_outstanding: 'too_many_requests',
  redirect_uri_missing: 'invalid_request',
  redirect_uri_unregistered: 'invalid_request',
  grant_not_registered: 'unauthorized_client',
  response_mode_unsigned: 'invalid_request',
  nonce_without_id_token: 'invalid_request',
  dpop_key_differs: 'invalid_dpop_proof',
  scope_missing: 'invalid_scope',
  scope_unknown: 'invalid_scope',
  scope_generic: 'invalid_scope',
  scope_not_allowed: 'invalid_scope',
  scope_not_offered: 'invalid_scope',
  scope_duties_combined: 'invalid_scope',
  target_missing: 'invalid_target',
  target_unknown: 'invalid_target',
  target_not_allowed: 'invalid_target',
  details_malformed: 'invalid_authorization_details',
  details_not_allowed: 'invalid_authorization_details',
  details_unsupported: 'invalid_authorization_details',
  details_expired: 'invalid_authorization_details',
  details_location: 'invalid_authorization_details',
  grant_unknown: 'invalid_grant_id',
  grant_resource_differs: 'invalid_target',
  grant_not_merged: 'invalid_request',
  id_token_hint_invalid: 'invalid_request',
  sign_in_required: 'login_required',
  consent_not_given_yet: 'consent_required',
  sign_in_abandoned: 'access_denied',
  sign_in_class: 'unmet_authentication_requirements',
  person_unknown: 'access_denied',
  person_institution: 'access_denied',
  person_other: 'login_required',
  person_institution_standing: 'access_denied',
  consent_denied: 'access_denied',
  interaction_unknown: 'invalid_request',
  interaction_expired: 'invalid_request',
  interaction_decided: 'invalid_request',
  csrf_token_invalid: 'invalid_request',
  decision_missing: 'invalid_request',
} as const satisfies OAuthReasons;

export type AuthorizationRefusal = keyof typeof reasons;

export const refuse = refusing(reasons);

/** For the person only, never sent in a redirect. */
const forThePerson: readonly AuthorizationRefusal[] = [
  'request_uri_used',
  'interaction_unknown',
  'interaction_expired',
  'interaction_decided',
  'csrf_token_invalid',
  'decision_missing',
];

/** Whether the error is sent to the client, once its redirect URI is trusted. */
export function isForClient(error: CodedError): boolean {
  const reason = error.facts?.['reason'];
  // After an outage the person can reload the page.
  return (
    Object.hasOwn(oauthErrors.codes, error.code) &&
    error.category !== 'unavailable' &&
    !forThePerson.some((code) => code === reason)
  );
}
