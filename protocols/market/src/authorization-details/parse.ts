import type { Problem } from '../shape.ts';
import { brokenRelation } from './relations.ts';
import {
  type AuthorizationDetail,
  authorizationDetailShapes,
  authorizationDetailTypes,
  isAuthorizationDetailType,
} from './types.ts';

/** `problem` is the stable reason below the single OAuth error code; `path` is a JSON pointer to the invalid field. */
export type InvalidAuthorizationDetails = {
  readonly ok: false;
  readonly code: 'invalid_authorization_details';
} & Problem;
export type ParsedAuthorizationDetails =
  | { readonly ok: true; readonly value: AuthorizationDetail[] }
  | InvalidAuthorizationDetails;

/**
 * Parses untrusted `authorization_details` (RFC 9396 section 2) and refuses unknown types and fields (section 5).
 * Within one list, type and idempotency key identify one intent. The caller checks whether `not_after` has passed.
 *
 * @param options.maxItems longest accepted list, 16 by default
 */
export function parseAuthorizationDetails(
  value: unknown,
  options: { readonly maxItems?: number } = {},
): ParsedAuthorizationDetails {
  const maxItems = options.maxItems ?? 16;
  if (!Array.isArray(value)) return invalid('', 'not_a_list', 'Authorization details are a JSON array.');
  if (value.length === 0) return invalid('', 'empty', 'The list of authorization details is empty.');
  if (value.length > maxItems)
    return invalid('', 'too_many', `There are ${value.length} authorization details; at most ${maxItems} are taken.`);

  const details: AuthorizationDetail[] = [];
  const intents = new Set<string>();
  for (const [index, item] of value.entries()) {
    const parsed = parseAuthorizationDetail(item, `/${index}`);
    if (!parsed.ok) return parsed;
    const intent = `${parsed.value.type} ${parsed.value.idempotency_key}`;
    if (intents.has(intent))
      return invalid(
        `/${index}/idempotency_key`,
        'intent_twice',
        'Two authorization details of one type have the same idempotency key.',
      );
    intents.add(intent);
    details.push(parsed.value);
  }
  return { ok: true, value: details };
}

/** Reads one authorization detail: see {@link parseAuthorizationDetails}. `path` is the prefix of the problem paths. */
export function parseAuthorizationDetail(
  value: unknown,
  path = '',
): { readonly ok: true; readonly value: AuthorizationDetail } | InvalidAuthorizationDetails {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid(path, 'not_an_object', 'An authorization detail is a JSON object.');
  const type: unknown = Object.getOwnPropertyDescriptor(value, 'type')?.value;
  if (!isAuthorizationDetailType(type))
    return invalid(`${path}/type`, 'type_unknown', `The type is none of ${authorizationDetailTypes.join(', ')}.`);
  const checked = authorizationDetailShapes[type].check(value, path);
  if (!checked.ok) return { ok: false, code: 'invalid_authorization_details', ...checked.problem };
  const broken = brokenRelation(checked.value, path);
  if (broken !== undefined) return { ok: false, code: 'invalid_authorization_details', ...broken };
  return { ok: true, value: checked.value };
}

function invalid(path: string, problem: string, detail: string): InvalidAuthorizationDetails {
  return { ok: false, code: 'invalid_authorization_details', path, problem, detail };
}
