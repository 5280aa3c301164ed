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

/** Those that a mandate can authorise. */
export const issuableDetailTypes = authorizationDetailTypes.filter((type) => scopeActionOf({ type }) !== undefined);

export interface GrantedDetail {
  readonly detail: AuthorizationDetail;
  readonly action: Scope;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

interface DetailBounds {
  readonly ceiling: Ceiling;
  readonly client: Client;
  readonly resource: Resource;
  /** For an interface of the protocol. */
  readonly withoutIntent: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** RFC 9396: one token has one intent. Without a request, that of the subject token or consent. */
export function checkDetails(asked: string | undefined, bounds: DetailBounds): GrantedDetail | undefined {
  if (bounds.withoutIntent) {
    if (asked !== undefined) throw refuse('details_unsupported', `${bounds.resource.uri} does not accept intents.`);
    return undefined;
  }
  const { ceiling, resource } = bounds;
  const details = asked === undefined ? defaultDetails(ceiling, resource) : askedDetails(asked, ceiling);
  const [detail, another] = details;
  if (another !== undefined)
    throw refuse('details_ambiguous', 'Several intents are granted. Name the one that the token is for.');
  return detail === undefined ? undefined : checkDetail(detail, bounds);
}

/** Of the consented intents, those for this interface. */
function defaultDetails(ceiling: Ceiling, { uri }: Resource): readonly AuthorizationDetail[] {
  return ceiling.details ?? ceiling.offeredDetails?.filter(({ locations }) => locations.includes(uri)) ?? [];
}

function askedDetails(asked: string, ceiling: Ceiling): readonly AuthorizationDetail[] {
  const json = parseJson(asked, { maxLength: 32_768 });
  if (!json.ok) throw refuse('details_malformed', `The authorization_details cannot be read: ${json.problem}.`);
  const parsed = parseAuthorizationDetails(json.value, { maxItems: 1 });
  if (!parsed.ok) {
    const { path, problem, detail } = parsed;
    throw refuse('details_malformed', `${path === '' ? 'authorization_details' : path}: ${detail}`, { path, problem });
  }
  const held = ceiling.details ?? ceiling.offeredDetails;
  if (held !== undefined) {
    const narrowed = narrowDetails(held, parsed.value);
    if (!narrowed.ok) {
      const { path, example } = narrowed.counterexample;
      throw refuse('details_wider', `The request exceeds the grant at ${path}: ${example}.`, {
        counterexample: narrowed.counterexample,
      });
    }
  }
  return parsed.value;
}

function checkDetail(detail: AuthorizationDetail, { client, resource, now }: DetailBounds): GrantedDetail {
  const action = scopeActionOf(detail);
  if (action === undefined) throw refuse('details_unsupported', `This server issues no tokens for ${detail.type}.`);
  if (!client.detailTypes.includes(detail.type))
    throw refuse('details_not_allowed', `The client is not registered for ${detail.type}.`);
  const notAfter = parseInstant(detail.not_after);
  if (notAfter === undefined || notAfter <= now)
    throw refuse('details_expired', 'The not_after of the authorization detail has passed.');
  // An exchange cannot add a location.
  if (!detail.locations.includes(resource.uri))
    throw refuse('details_location', `The locations of the authorization detail do not include ${resource.uri}.`);
  return { detail, action, notAfter };
}
