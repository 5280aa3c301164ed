import type { Client, Resource } from '@countersign/contracts';
import { parseInstant, parseJson } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  authorizationDetailTypes,
  narrowDetails,
  parseAuthorizationDetails,
  type Scope,
  scopeActionOf,
} from '@countersign/market';
import type { Ceiling } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';

/** The detail types that a token can be issued for: those that a mandate can authorise. */
export const issuableDetailTypes = authorizationDetailTypes.filter((type) => scopeActionOf({ type }) !== undefined);

/** An intent that passes all checks that depend only on the request itself. */
export interface GrantedDetail {
  readonly detail: AuthorizationDetail;
  /** The request to the mandate. */
  readonly action: Scope;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

interface DetailBounds {
  readonly ceiling: Ceiling;
  readonly client: Client;
  readonly resource: Resource;
  /** Whether the interface is one of the protocol's own, where nothing is traded. */
  readonly withoutIntent: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The one authorization detail granted (RFC 9396), or undefined if none is requested. One token has one purpose: two intents
 * need two tokens. A request that names none keeps the detail of its subject token or consent; if a person has consented to
 * several, the request must choose one.
 */
export function checkDetails(asked: string | undefined, bounds: DetailBounds): GrantedDetail | undefined {
  if (bounds.withoutIntent) {
    if (asked !== undefined) throw refuse('details_unsupported', `${bounds.resource.uri} is for no intent.`);
    return undefined;
  }
  const { ceiling, resource } = bounds;
  const details = asked === undefined ? defaultDetails(ceiling, resource) : askedDetails(asked, ceiling);
  const [detail, another] = details;
  if (another !== undefined)
    throw refuse('details_ambiguous', 'Several intents are granted: name the one that the token is for.');
  return detail === undefined ? undefined : checkDetail(detail, bounds);
}

/** An exchanged token keeps its intent; of the consented intents, those for this interface are eligible. */
function defaultDetails(ceiling: Ceiling, { uri }: Resource): readonly AuthorizationDetail[] {
  return ceiling.details ?? ceiling.offeredDetails?.filter(({ locations }) => locations.includes(uri)) ?? [];
}

function askedDetails(asked: string, ceiling: Ceiling): readonly AuthorizationDetail[] {
  const json = parseJson(asked, { maxLength: 32_768 });
  if (!json.ok) throw refuse('details_malformed', `The authorization_details cannot be read: ${json.problem}.`);
  const parsed = parseAuthorizationDetails(json.value, { maxItems: 1 });
  if (!parsed.ok)
    throw refuse(
      'details_malformed',
      `${parsed.path === '' ? 'authorization_details' : parsed.path}: ${parsed.detail}`,
      {
        path: parsed.path,
        problem: parsed.problem,
      },
    );
  const held = ceiling.details ?? ceiling.offeredDetails;
  if (held !== undefined) {
    const narrowed = narrowDetails(held, parsed.value);
    if (!narrowed.ok) {
      const { path, example } = narrowed.counterexample;
      throw refuse('details_wider', `At ${path} more is asked for than is granted: ${example}.`, {
        counterexample: narrowed.counterexample,
      });
    }
  }
  return parsed.value;
}

function checkDetail(detail: AuthorizationDetail, { client, resource, now }: DetailBounds): GrantedDetail {
  const action = scopeActionOf(detail);
  if (action === undefined) throw refuse('details_unsupported', `Tokens are not issued for ${detail.type} here.`);
  if (!client.detailTypes.includes(detail.type))
    throw refuse('details_not_allowed', `The client is not registered for ${detail.type}.`);
  const notAfter = parseInstant(detail.not_after);
  if (notAfter === undefined || notAfter <= now)
    throw refuse('details_expired', 'The not_after of the authorization detail has passed.');
  // The locations of an intent are fixed from the start; an exchange cannot add one.
  if (!detail.locations.includes(resource.uri))
    throw refuse(
      'details_location',
      `The authorization detail is not for ${resource.uri}: it is not among its locations.`,
    );
  return { detail, action, notAfter };
}
