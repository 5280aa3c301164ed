import { type IntentDigest, intentDigestOf } from '@countersign/kernel';
import type { AuthorizationDetail } from './authorization-details/index.ts';

type Without<Detail, Field extends string> = Detail extends unknown ? Omit<Detail, Field> : never;

/** What is to be done, without the resources and steps that differ from hop to hop. */
export type Intent = Without<AuthorizationDetail, 'locations' | 'actions'>;

/**
 * The intent of an authorization detail: everything except `locations` and `actions`. These name the resources and steps of
 * one token, so they differ from hop to hop while the intent stays the same.
 *
 * Limits are part of the intent, because the approver sees them. A later token in the chain may hold smaller limits, and its
 * details would give a different digest. Therefore the digest is computed once, from the detail first requested, and carried
 * as a claim. Never compute it from narrowed details.
 */
export function intentOf(detail: AuthorizationDetail): Intent {
  const { locations: _locations, actions: _actions, ...intent } = detail;
  return intent;
}

/**
 * SHA-256 over the canonical form (RFC 8785) of {@link intentOf}. Step-up, approval, token, settlement and evidence all use
 * this one digest.
 */
export function digestOfIntent(detail: AuthorizationDetail): IntentDigest {
  return intentDigestOf(intentOf(detail));
}
