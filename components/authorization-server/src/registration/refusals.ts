import { type DirectoryProblem, oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';

type OAuthCode = keyof typeof oauthErrors.codes;

/** The reasons for which a registration is refused, and the error code for each (RFC 7591 section 3.2.2). */
const reasons = {
  registration_not_allowed: 'access_denied',
  registration_limit: 'access_denied',
  registration_rate: 'too_many_requests',
  registration_standing: 'access_denied',
  /** The directory requires dual control for the change. */
  second_person_required: 'access_denied',
  /** Another client has this principal, or a registration in progress will take it. */
  principal_shared: 'invalid_client_metadata',
  client_principal_unsuitable: 'invalid_client_metadata',
  software_statement_malformed: 'invalid_software_statement',
  software_statement_unapproved: 'unapproved_software_statement',
} as const satisfies Readonly<Record<string, OAuthCode>>;

export type RegistrationRefusal = keyof typeof reasons;

/** Creates the error of a rule that refuses a registration. `detail` is shown to the caller. */
export function refuse(reason: RegistrationRefusal, detail: string): CodedError {
  return oauthErrors.error(reasons[reason], detail, { facts: { reason } });
}

/** A problem with one member, as the directory reports it for its own documents: `path` is a JSON pointer (RFC 6901). */
export type MetadataProblem = DirectoryProblem;

const maxListed = 100;

/**
 * The error about metadata, with all of its problems. Its reason is the code that they share. Errors in redirect URIs alone
 * have a code of their own.
 */
export function refuseMetadata(problems: readonly MetadataProblem[]): CodedError {
  const [first] = problems;
  if (first === undefined) throw new Error('metadata was refused without a problem');
  const codes = new Set(problems.map(({ code }) => code));
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  const onlyRedirects = problems.every(({ path }) => /^\/redirect_uris(?:\/|$)/.test(path));
  return oauthErrors.error(
    onlyRedirects ? 'invalid_redirect_uri' : 'invalid_client_metadata',
    `${first.path === '' ? '' : `${first.path}: `}${first.detail}${more}`,
    {
      facts: {
        reason: codes.size === 1 ? first.code : 'metadata_invalid',
        problems: problems.slice(0, maxListed),
      },
    },
  );
}
