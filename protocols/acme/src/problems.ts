import { type CodedError, defined } from '@countersign/kernel';
import { type AcmeErrorCode, acmeErrors } from './errors.ts';

const names: Readonly<Record<AcmeErrorCode, string>> = {
  acme_malformed: 'malformed',
  acme_media_type: 'malformed',
  acme_nonce_bad: 'badNonce',
  acme_algorithm_unsupported: 'badSignatureAlgorithm',
  acme_key_refused: 'badPublicKey',
  acme_unauthorized: 'unauthorized',
  acme_account_unknown: 'accountDoesNotExist',
  acme_binding_required: 'externalAccountRequired',
  acme_order_unknown: 'malformed',
  acme_order_not_ready: 'orderNotReady',
  acme_csr_refused: 'badCSR',
  acme_identifier_refused: 'rejectedIdentifier',
  acme_identifier_unsupported: 'unsupportedIdentifier',
  acme_profile_unknown: 'invalidProfile',
  acme_directory_unknown: 'malformed',
  acme_already_replaced: 'alreadyReplaced',
  acme_already_revoked: 'alreadyRevoked',
  acme_reason_refused: 'badRevocationReason',
  acme_certificate_unknown: 'malformed',
  acme_key_in_use: 'malformed',
  acme_rate_limited: 'rateLimited',
};

/** A problem document (RFC 8555 section 6.7, RFC 9457), without the status. */
export interface AcmeProblem {
  readonly type: string;
  readonly detail: string;
  /** For `badSignatureAlgorithm`: what is accepted. */
  readonly algorithms?: readonly string[];
}

const isOurs = (code: string): code is AcmeErrorCode => Object.hasOwn(acmeErrors.codes, code);

/** The problem document of a refusal. Errors of other vocabularies become server errors. */
export function problemOfError({ code, detail, facts }: Pick<CodedError, 'code' | 'detail' | 'facts'>): AcmeProblem {
  const algorithms = facts?.['algorithms'];
  return {
    type: `urn:ietf:params:acme:error:${isOurs(code) ? names[code] : 'serverInternal'}`,
    detail,
    ...defined({ algorithms: Array.isArray(algorithms) ? algorithms.map(String) : undefined }),
  };
}
