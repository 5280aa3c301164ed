import { type IntentDigest, intentDigestOf } from '@countersign/kernel';
import type { AuthorizationDetail } from './authorization-details/index.ts';

type Without<Detail, Field extends string> = Detail extends unknown ? Omit<Detail, Field> : never;

/** Without the resources and steps that differ from hop to hop. */
export type Intent = Without<AuthorizationDetail, 'locations' | 'actions'>;

/**
 * Everything except `locations` and `actions`, which differ from hop to hop. Limits are part of it, because the
 * approver sees them. The digest is computed once, from the first requested detail, and carried as a claim, never from
 * narrowed details.
 */
export function intentOf(detail: AuthorizationDetail): Intent {
  const { locations: _locations, actions: _actions, ...intent } = detail;
  return intent;
}

/**
 * SHA-256 over the canonical form (RFC 8785). Step-up, approval, token, settlement and evidence use this one digest.
 */
export function digestOfIntent(detail: AuthorizationDetail): IntentDigest {
  return intentDigestOf(intentOf(detail));
}
