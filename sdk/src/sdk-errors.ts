import { errorVocabulary } from '@countersign/kernel';

export const sdkErrors = errorVocabulary({
  key_unusable: 'invalid',
  scope_missing: 'invalid',
  unexpected_answer: 'unavailable',
  token_answer_unusable: 'unavailable',
  server_certificate_untrusted: 'unavailable',
  tls_failed: 'unavailable',
});
