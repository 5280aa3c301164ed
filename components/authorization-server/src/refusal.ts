import { federationErrors, grantErrors, oauthErrors, transactionErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import {
  accessTokenErrors,
  actChainErrors,
  certificateErrors,
  clientAssertionErrors,
  formErrors,
  proofErrors,
} from '@countersign/oauth';

export type OAuthReasons = Readonly<Record<string, OAuthCode>>;
type OAuthCode = keyof typeof oauthErrors.codes;

/** OAuth error of each reason. */
const reasons = {
  media_type_unsupported: 'invalid_request',
  method_not_allowed: 'invalid_request',
  parameter_missing: 'invalid_request',
  parameter_unsupported: 'invalid_request',
  token_of_another_client: 'invalid_request',
  grant_type_unsupported: 'unsupported_grant_type',
  client_authentication_missing: 'invalid_client',
  /** RFC 6749 section 5.2. */
  client_authentication_several: 'invalid_request',
  client_authentication_method: 'invalid_client',
  client_id_missing: 'invalid_client',
  client_id_differs: 'invalid_client',
  client_assertion_replayed: 'invalid_client',
  client_certificate_expired: 'invalid_client',
  client_certificate_revoked: 'invalid_client',
  client_certificate_untrusted: 'invalid_client',
  client_certificate_name: 'invalid_client',
  client_certificate_unknown: 'invalid_client',
  client_key_expired: 'invalid_client',
  jwt_svid_invalid: 'invalid_client',
  workload_suspended: 'invalid_client',
  workload_refused: 'invalid_client',
  workload_terms_changed: 'invalid_client',
  workload_unattested: 'invalid_client',
  client_credential_shared: 'invalid_client',
  authentication_failures: 'too_many_requests',
  client_environment: 'unauthorized_client',
  grant_not_allowed: 'unauthorized_client',
  provisioning_token_not_allowed: 'unauthorized_client',
  institution_not_in_good_standing: 'unauthorized_client',
  principal_unknown: 'unauthorized_client',
  proof_replayed: 'invalid_dpop_proof',
  proof_needed: 'invalid_dpop_proof',
  proof_unexpected: 'invalid_dpop_proof',
  certificate_needed: 'invalid_request',
  assertion_replayed: 'invalid_grant',
  assertion_institution: 'invalid_grant',
  assertion_key: 'invalid_grant',
  code_unknown: 'invalid_grant',
  code_client: 'invalid_grant',
  code_replayed: 'invalid_grant',
  code_redirect_uri: 'invalid_grant',
  code_verifier: 'invalid_grant',
  code_key: 'invalid_grant',
  code_session_ended: 'invalid_grant',
  refresh_token_unknown: 'invalid_grant',
  refresh_token_client: 'invalid_grant',
  refresh_token_key: 'invalid_grant',
  refresh_token_superseded: 'invalid_grant',
  grant_ended: 'invalid_grant',
  grant_institution: 'invalid_grant',
  grant_person_unknown: 'invalid_grant',
  subject_token_unknown: 'invalid_request',
  subject_token_revoked: 'invalid_request',
  actor_not_allowed: 'invalid_request',
  transaction_token_too_long: 'invalid_request',
  target_missing: 'invalid_target',
  target_ambiguous: 'invalid_target',
  target_unknown: 'invalid_target',
  target_not_allowed: 'invalid_target',
  target_unchanged: 'invalid_target',
  target_not_granted: 'invalid_target',
  target_profile: 'invalid_target',
  scope_missing: 'invalid_scope',
  scope_unknown: 'invalid_scope',
  scope_generic: 'invalid_scope',
  scope_wider: 'invalid_scope',
  scope_not_allowed: 'invalid_scope',
  scope_not_offered: 'invalid_scope',
  scope_duties_combined: 'invalid_scope',
  details_malformed: 'invalid_authorization_details',
  details_unsupported: 'invalid_authorization_details',
  details_not_allowed: 'invalid_authorization_details',
  details_ambiguous: 'invalid_authorization_details',
  details_expired: 'invalid_authorization_details',
  details_location: 'invalid_authorization_details',
  details_wider: 'invalid_authorization_details',
  details_missing: 'invalid_authorization_details',
  step_of_another_party: 'invalid_authorization_details',
  scope_not_of_step: 'invalid_scope',
  scope_not_of_detail: 'invalid_scope',
  entity_not_represented: 'access_denied',
  account_not_represented: 'access_denied',
  transaction_unknown: 'access_denied',
  authority_expired: 'invalid_grant',
  /** Revoked until the revocation is lifted. */
  authority_revoked: 'access_denied',
  /** The token would start new risk, and a halt is in force. */
  trading_halted: 'access_denied',
} as const satisfies OAuthReasons;

export type RefusalReason = keyof typeof reasons;

export const refuse = refusing(reasons);

/** Creates the errors of rules. `detail` is for the client or the person. */
export function refusing<Reason extends string>(codes: Readonly<Record<Reason, OAuthCode>>) {
  return (reason: Reason, detail: string, facts: Readonly<Record<string, unknown>> = {}): CodedError =>
    oauthErrors.error(codes[reason], detail, { facts: { ...facts, reason } });
}

/** A denial by a mandate or a policy. */
export function deny(reason: string, detail: string, facts: Readonly<Record<string, unknown>> = {}): CodedError {
  return oauthErrors.error('access_denied', detail, { facts: { ...facts, reason } });
}

/** OAuth errors of other vocabularies. */
const translations: readonly (readonly [Readonly<Record<string, unknown>>, OAuthCode])[] = [
  [clientAssertionErrors.codes, 'invalid_client'],
  [certificateErrors.codes, 'invalid_client'],
  // RFC 9449 section 8.
  [{ proof_nonce: true }, 'use_dpop_nonce'],
  [proofErrors.codes, 'invalid_dpop_proof'],
  // RFC 8693 section 2.2.2.
  [accessTokenErrors.codes, 'invalid_request'],
  [actChainErrors.codes, 'invalid_request'],
  [formErrors.codes, 'invalid_request'],
  [federationErrors.codes, 'invalid_grant'],
  [grantErrors.codes, 'invalid_grant'],
  [transactionErrors.codes, 'invalid_authorization_details'],
];

/** An error of `oauthErrors`; the original code becomes the fact `reason`. @returns undefined for an error without a code, a fault of ours */
export function asOAuthError(error: unknown): CodedError | undefined {
  if (!isCodedError(error)) return undefined;
  if (Object.hasOwn(oauthErrors.codes, error.code)) return error;
  return oauthErrors.error(oauthCodeOf(error), error.detail, {
    facts: { ...error.facts, reason: error.code },
    cause: error,
    ...(error.internal === undefined ? {} : { internal: error.internal }),
  });
}

function oauthCodeOf(error: CodedError): OAuthCode {
  // An outage is not a refusal.
  if (error.category === 'unavailable') return 'temporarily_unavailable';
  if (error.category === 'rate-limited') return 'too_many_requests';
  const translation = translations.find(([codes]) => Object.hasOwn(codes, error.code));
  if (translation !== undefined) return translation[1];
  return error.category === 'forbidden' ? 'access_denied' : 'invalid_request';
}

/** The reason behind an error of `oauthErrors`, for the record. */
export function reasonOf(error: CodedError): string {
  const reason = error.facts?.['reason'];
  return typeof reason === 'string' ? reason : error.code;
}

/** The characters of RFC 6749 sections 4.1.2.1 and 5.2: printable ASCII without quotation mark and backslash. */
export function plainText(text: string): string {
  return text
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
