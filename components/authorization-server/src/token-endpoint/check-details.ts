import type { Resource } from '@countersign/contracts';
import { parseInstant, parseJson } from '@countersign/kernel';
import { type AuthorizationDetail, narrowDetails, parseAuthorizationDetails, type Scope } from '@countersign/market';
import type { Ceiling } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/** The detail types a token can be issued for, and the authority that such an intent uses of its mandate. */
export const intentActions: Readonly<Partial<Record<AuthorizationDetail['type'], Scope>>> = {
  'urn:countersign:rar:v1:trade_order': 'order:create',
};

/** An intent that may be acted on, as far as the request itself can tell. */
export interface GrantedDetail {
  readonly detail: AuthorizationDetail;
  /** What the mandate is asked about. */
  readonly action: Scope;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/**
 * The one authorization detail granted (RFC 9396), or undefined when none is asked for. One token, one purpose:
 * two intents need two tokens. An exchange that names none keeps the one it has.
 */
export function checkDetails(
  asked: string | undefined,
  { ceiling, resource, now }: { readonly ceiling: Ceiling; readonly resource: Resource; readonly now: number },
): GrantedDetail | undefined {
  const details = asked === undefined ? (ceiling.details ?? []) : askedDetails(asked, ceiling);
  const [detail] = details;
  return detail === undefined ? undefined : checkDetail(detail, resource, now);
}

function askedDetails(asked: string, ceiling: Ceiling): readonly AuthorizationDetail[] {
  const json = parseJson(asked, { maxLength: 32_768, uniqueKeys: true });
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
  if (ceiling.details !== undefined) {
    const narrowed = narrowDetails(ceiling.details, parsed.value);
    if (!narrowed.ok) {
      const { path, example } = narrowed.counterexample;
      throw refuse('details_wider', `At ${path} more is asked for than the subject token holds: ${example}.`, {
        counterexample: narrowed.counterexample,
      });
    }
  }
  return parsed.value;
}

function checkDetail(detail: AuthorizationDetail, resource: Resource, now: number): GrantedDetail {
  const action = intentActions[detail.type];
  if (action === undefined) throw refuse('details_unsupported', `Tokens are not issued for ${detail.type} here.`);
  const notAfter = parseInstant(detail.not_after);
  if (notAfter === undefined || notAfter <= now)
    throw refuse('details_expired', 'The not_after of the authorization detail has passed.');
  // The places an intent may reach are part of it from the start; an exchange cannot add one.
  if (!detail.locations.includes(resource.uri))
    throw refuse(
      'details_location',
      `The authorization detail is not for ${resource.uri}: it is not among its locations.`,
    );
  return { detail, action, notAfter };
}
