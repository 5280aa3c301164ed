import { type DirectoryProblem, oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type OAuthReasons, refusing } from '../refusal.ts';

/** Error code of each reason (RFC 7591 section 3.2.2). */
const reasons = {
  registration_not_allowed: 'access_denied',
  registration_limit: 'access_denied',
  registration_rate: 'too_many_requests',
  registration_standing: 'access_denied',
  /** The directory requires dual control for the change. */
  second_person_required: 'access_denied',
  /** Another client has this principal, or will have it. */
  principal_shared: 'invalid_client_metadata',
  client_principal_unsuitable: 'invalid_client_metadata',
  software_statement_malformed: 'invalid_software_statement',
  software_statement_unapproved: 'unapproved_software_statement',
} as const satisfies OAuthReasons;

export const refuse = refusing(reasons);

/** `path` is a JSON pointer (RFC 6901). */
export type MetadataProblem = DirectoryProblem;

const maxListed = 100;

/** The reason is the code that all problems share. */
export function refuseMetadata(problems: readonly MetadataProblem[]): CodedError {
  const [first] = problems;
  if (first === undefined) throw new Error('metadata was refused without a problem');
  const codes = new Set(problems.map(({ code }) => code));
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  const onlyRedirects = problems.every(({ path }) => /^\/redirect_uris(?:\/|$)/.test(path));
  return oauthErrors.error(
    onlyRedirects ? 'invalid_redirect_uri' : 'invalid_client_metadata',
    `${first.path === '' ? '' : `${first.path}: `}${first.detail}${more}`,
    { facts: { reason: codes.size === 1 ? first.code : 'metadata_invalid', problems: problems.slice(0, maxListed) } },
  );
}
