import type { Resource } from '@countersign/contracts';
import { type Json, parseInstant } from '@countersign/kernel';
import { type AuthorizationDetail, parseAuthorizationDetails } from '@countersign/market';
import { issuableDetailTypes } from '../token-endpoint/check-details.ts';

import { refuse } from './refusals.ts';
import type { RequestRules } from './request-rules.ts';

/** As many intents as a person can be asked to look at on one page. */
const mostDetails = 8;

/**
 * The intents that are asked for (RFC 9396): each of a type and shape that is known, of a type this client may ask for,
 * still to come, and for the interface that was named. Their mandates are asked when a token is issued.
 */
export function checkRequestedDetails(
  asked: readonly Json[] | undefined,
  resource: Resource | undefined,
  { client, now }: Pick<RequestRules, 'client' | 'now'>,
): readonly AuthorizationDetail[] {
  if (asked === undefined) return [];
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
  return parsed.value;

  function checkDetail(detail: AuthorizationDetail): void {
    if (client.profile === 'oidc' || !client.detailTypes.includes(detail.type))
      throw refuse('details_not_allowed', `The client is not registered for ${detail.type}.`);
    if (!issuableDetailTypes.includes(detail.type))
      throw refuse('details_unsupported', `Nothing is issued for ${detail.type} here.`);
    const notAfter = parseInstant(detail.not_after);
    if (notAfter === undefined || notAfter <= now)
      throw refuse('details_expired', 'The not_after of an authorization detail has passed.');
    if (resource === undefined)
      throw refuse('target_missing', 'Name the one protected interface that this is for, in the parameter resource.');
    if (!detail.locations.includes(resource.uri))
      throw refuse(
        'details_location',
        `An authorization detail is not for ${resource.uri}: it is not among its locations.`,
      );
  }
}
