import type { GrantTerms, Resource } from '@countersign/contracts';
import { type Digest, digestOf, type Json, parseInstant } from '@countersign/kernel';
import {
  type ApplicationDetail,
  type AuthorizationDetail,
  isScope,
  namesApplicationDetails,
  parseAuthorizationDetails,
} from '@countersign/market';
import { checkShownDetail, locatedAt } from '../token-endpoint/check-application-detail.ts';
import { issuableDetailTypes } from '../token-endpoint/check-details.ts';

import { refuse } from './refusals.ts';
import type { RequestRules } from './request-rules.ts';

/** As many as a person can be asked to look at on one page. */
export const mostDetails = 8;

/**
 * The intents that are asked for (RFC 9396): each of a type and shape that is known, of a type this client may ask for,
 * still to come, and for the interface that was named. Their mandates are asked when a token is issued. Or the details of an
 * application, each of which a person can be shown; the two are not asked for together.
 */
export function checkRequestedDetails(
  asked: readonly Json[] | undefined,
  resource: Resource | undefined,
  rules: Pick<RequestRules, 'client' | 'now' | 'detailTypes' | 'issuer'> & { readonly scopes: GrantTerms['scopes'] },
): Pick<GrantTerms, 'details' | 'applicationDetails'> {
  if (asked === undefined) return { details: [] };
  if (namesApplicationDetails(asked, mostDetails))
    return { details: [], applicationDetails: checkApplicationDetails(asked) };
  const { client, now } = rules;
  const parsed = parseAuthorizationDetails(asked, { maxItems: mostDetails });
  if (!parsed.ok)
    throw refuse(
      'details_malformed',
      `${parsed.path === '' ? 'authorization_details' : parsed.path}: ${parsed.detail}`,
      {
        path: parsed.path,
        problem: parsed.problem,
      },
    );
  for (const detail of parsed.value) checkDetail(detail);
  return { details: parsed.value };

  function checkApplicationDetails(details: readonly ApplicationDetail[]): readonly ApplicationDetail[] {
    if (!rules.scopes.some(isScope))
      throw refuse('scope_missing', 'Name the reading scopes that the authorization_details are to be used with.');
    const bounds = { ...rules, types: rules.detailTypes, resource: requireInterface() };
    for (const [index, detail] of details.entries()) checkShownDetail(detail, `/${index}`, bounds);
    const located = details.map((detail) => locatedAt(detail, bounds.resource));
    if (new Set(located.map(digestOf)).size !== located.length)
      throw refuse('details_malformed', 'An authorization detail is asked for twice.');
    return located;
  }

  function requireInterface(): Resource {
    if (resource !== undefined) return resource;
    throw refuse('target_missing', 'Name the one protected interface that this is for, in the parameter resource.');
  }

  function checkDetail(detail: AuthorizationDetail): void {
    if (client.profile === 'oidc' || !client.detailTypes.includes(detail.type))
      throw refuse('details_not_allowed', `The client is not registered for ${detail.type}.`);
    if (!issuableDetailTypes.includes(detail.type))
      throw refuse('details_unsupported', `Nothing is issued for ${detail.type} here.`);
    const notAfter = parseInstant(detail.not_after);
    if (notAfter === undefined || notAfter <= now)
      throw refuse('details_expired', 'The not_after of an authorization detail has passed.');
    const { uri } = requireInterface();
    if (!detail.locations.includes(uri))
      throw refuse('details_location', `An authorization detail is not for ${uri}: it is not among its locations.`);
  }
}

/** As records name the details of applications that are asked for; nothing where there are none. */
export function applicationDigests({ applicationDetails }: GrantTerms): {
  readonly detail_digests?: readonly Digest[];
} {
  return applicationDetails === undefined
    ? {}
    : { detail_digests: applicationDetails.map((detail) => digestOf(detail)) };
}
