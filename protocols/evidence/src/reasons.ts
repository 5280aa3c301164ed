/** Part of the public interface: a code is never reused for another meaning. */
export const reasonCodes = [
  'bundle_malformed',
  'log_key_unanchored',
  'log_key_mismatch',
  'log_key_handover',
  'log_key_earlier',
  'checkpoint_signature',
  'witness_policy_malformed',
  'witness_signature',
  'witness_quorum_missing',
  'record_malformed',
  'record_altered',
  'record_missing',
  'record_unlisted',
  'record_pruned',
  'time_order',
  'disclosure_mismatch',
  'disclosure_unlisted',
  'value_withheld',
  'reference_missing',
  'log_rewritten',
  'log_growth_unproven',
  'timestamp_invalid',
  'timestamp_untrusted',
  'timestamp_unanchored',
  'timestamp_contradicted',
  'intent_digest_mismatch',
  'approval_signature',
  'approval_terms',
  'approval_self',
  'approval_late',
  'approval_withdrawn',
  'approval_unanchored',
  'mandate_chain',
  'token_chain',
  'token_mismatch',
  'decision_missing',
  'decision_mismatch',
  'policy_mismatch',
  'transition_order',
  'body_mismatch',
  'terms_exceeded',
  'envelope_mismatch',
  'envelope_signature',
  'envelope_key_missing',
  'certificate_chain',
  'certificate_mismatch',
  'certificate_expired',
  'certificate_revoked',
  'certificate_unanchored',
  'revocation_unproven',
] as const;
export type ReasonCode = (typeof reasonCodes)[number];

/** They leave a question about the bundle unanswered. */
export const incompleteCodes = [
  'value_withheld',
  'record_pruned',
  'approval_unanchored',
] as const satisfies readonly ReasonCode[];

export function isIncomplete(code: ReasonCode | undefined): boolean {
  return incompleteCodes.some((incomplete) => incomplete === code);
}

/** No fault was found, but some data was not shown. */
export const warningCodes = [
  'log_key_unanchored',
  'log_key_earlier',
  'record_pruned',
  'value_withheld',
  'approval_unanchored',
  'timestamp_unanchored',
  'envelope_key_missing',
  'certificate_unanchored',
] as const satisfies readonly ReasonCode[];
