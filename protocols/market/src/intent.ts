import { type IntentDigest, intentDigestOf } from '@countersign/kernel';
import type { AuthorizationDetail } from './authorization-details/index.ts';

type Without<Detail, Field extends string> = Detail extends unknown ? Omit<Detail, Field> : never;

/** What is to be done, apart from who is asked to take part in it and how. */
export type Intent = Without<AuthorizationDetail, 'locations' | 'actions'>;

/**
 * The intent of an authorization detail: all of it but `locations` and `actions`, which say where a token is
 * used and for which step, and so differ from hop to hop while the intent stays one.
 *
 * Limits are part of the intent: the person who approves it sees them. A token further along the chain may
 * hold smaller ones, and digesting its details would give another digest. Therefore the digest is taken once,
 * from the detail that was asked for at the start, and carried from there on as a claim; it is never computed
 * again from narrowed details.
 */
export function intentOf(detail: AuthorizationDetail): Intent {
  const { locations: _locations, actions: _actions, ...intent } = detail;
  return intent;
}

/** The canonical form of {@link intentOf} (RFC 8785) under SHA-256: the one digest of step-up, approval, token, settlement and evidence. */
export function digestOfIntent(detail: AuthorizationDetail): IntentDigest {
  return intentDigestOf(intentOf(detail));
}
