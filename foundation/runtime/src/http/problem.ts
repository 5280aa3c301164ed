import { CodedError, defined, type ErrorCategory } from '@countersign/kernel';

/** The only mapping of categories to HTTP statuses. */
const statusOfCategory: Readonly<Record<ErrorCategory, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  'rate-limited': 429,
  unavailable: 503,
};

export function statusOf(error: CodedError): number {
  return statusOfCategory[error.category];
}

/** RFC 9457 problem details; programs branch on `code`, people read `detail`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 *
 * @returns only the public part, without `internal` and `cause`
 */
export function problemOf(error: CodedError): Problem {
  return {
    type: `urn:countersign:error:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: statusOf(error),
    code: error.code,
    detail: error.detail,
    ...defined({ facts: error.facts }),
  };
}

/** Fastify's own refusals in our vocabulary. */
const fastifyCodes: Readonly<Record<string, { readonly code: string; readonly category: ErrorCategory }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'body_too_large', category: 'too-large' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'media_type_unsupported', category: 'invalid' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'body_missing', category: 'invalid' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'body_not_json', category: 'invalid' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'content_length_wrong', category: 'invalid' },
  FST_ERR_VALIDATION: { code: 'request_invalid', category: 'invalid' },
  FST_ERR_BAD_URL: { code: 'url_malformed', category: 'invalid' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'url_malformed', category: 'invalid' },
};

/** Converts any error to a coded one; undefined for our own bug. */
export function asCodedError(error: unknown): CodedError | undefined {
  if (error instanceof CodedError) return error;
  if (!(error instanceof Error)) return undefined;
  const fastify = fastifyCodes['code' in error && typeof error.code === 'string' ? error.code : ''];
  if (fastify !== undefined) return new CodedError({ ...fastify, detail: withoutStop(error.message) });
  // Other refusals of Fastify are caused by the request, e.g. QUERY without a content type.
  if ('code' in error && String(error.code).startsWith('FST_ERR_') && isClientError(error))
    return new CodedError({ code: 'request_invalid', category: 'invalid', detail: withoutStop(error.message) });
  return undefined;
}

function isClientError(error: Error): boolean {
  return (
    'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500
  );
}

function withoutStop(message: string): string {
  return message.length > 300 ? `${message.slice(0, 300)}...` : message;
}
