import { type CodedError, defined } from '@countersign/kernel';
import { asCodedError, statusOf } from '@countersign/runtime';
import { maxPayloadBytes } from './discovery.ts';

export const errorUrn = 'urn:ietf:params:scim:api:messages:2.0:Error';

export interface ScimError {
  readonly schemas: readonly [typeof errorUrn];
  readonly status: string;
  readonly scimType?: string;
  readonly detail: string;
}

/** RFC 7644 table 9. */
const scimTypes: Readonly<Record<string, string>> = {
  scim_syntax_invalid: 'invalidSyntax',
  body_not_json: 'invalidSyntax',
  scim_filter_invalid: 'invalidFilter',
  scim_path_invalid: 'invalidPath',
  scim_no_target: 'noTarget',
  scim_value_invalid: 'invalidValue',
  scim_attribute_immutable: 'mutability',
  scim_name_taken: 'uniqueness',
  federated_identity_shared: 'uniqueness',
  id_duplicate: 'uniqueness',
  id_not_reusable: 'uniqueness',
};

/** Status codes that differ from the rest of the product (sections 3.14 and 3.12). */
const statuses: Readonly<Record<string, number>> = {
  scim_version_stale: 412,
  scim_method_not_allowed: 405,
  media_type_unsupported: 415,
};

export const internalError: ScimError = {
  schemas: [errorUrn],
  status: '500',
  detail: 'The operation failed because of an internal error.',
};

/** @returns undefined for an internal error */
export function scimErrorOf(thrown: unknown): { readonly error: CodedError; readonly body: ScimError } | undefined {
  const error = asCodedError(thrown);
  if (error === undefined) return undefined;
  const status = statuses[error.code] ?? statusOf(error);
  const scimType = scimTypes[error.code] ?? (status === 400 ? 'invalidValue' : undefined);
  return {
    error,
    body: {
      schemas: [errorUrn],
      status: String(status),
      ...defined({ scimType }),
      detail: detailOf(error),
    },
  };
}

function detailOf({ code, facts, detail }: CodedError): string {
  // RFC 7644 section 3.7.4: the response states which limit was exceeded.
  if (code === 'body_too_large') return `The body is larger than maxPayloadSize (${maxPayloadBytes}).`;
  const problems: unknown = facts?.['problems'];
  if (!Array.isArray(problems)) return detail;
  const details = problems.slice(0, 8).flatMap((problem: unknown) => {
    const isProblem = typeof problem === 'object' && problem !== null && 'detail' in problem;
    return isProblem && typeof problem.detail === 'string' ? [problem.detail] : [];
  });
  return details.length === 0 ? detail : details.join(' ');
}
