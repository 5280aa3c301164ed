import { isCodedError, isObject } from '@countersign/kernel';
import type { KeyCache, VerificationKey } from '@countersign/oauth';

export type KeySet =
  | { readonly ok: true; readonly keys: ReadonlyMap<string, VerificationKey> }
  /** `compromised`: the partner published a private key, so keys fetched earlier are not trusted either. */
  | { readonly ok: false; readonly problem: string; readonly compromised: boolean };

const maxKeys = 20;

/**
 * Unusable keys (encryption, RS256, another curve, no `kid`) are left out, as RFC 7517 asks; a doubtful set is
 * refused.
 */
export function readKeySet(document: unknown, cache: KeyCache): KeySet {
  const list = isObject(document) && Object.hasOwn(document, 'keys') ? document['keys'] : undefined;
  if (!Array.isArray(list)) return refused('it is not a JSON Web Key Set');
  if (list.length > maxKeys) return refused(`it holds more than ${maxKeys} keys`);
  const keys = new Map<string, VerificationKey>();
  // Each key is checked below.
  for (const jwk of list as readonly unknown[]) {
    const imported = importKey(jwk, cache);
    if (imported === 'private') return { ok: false, problem: 'it holds private key material', compromised: true };
    const kid = isObject(jwk) ? jwk['kid'] : undefined;
    if (imported === 'unusable' || typeof kid !== 'string' || !isKid(kid)) continue;
    if (keys.has(kid)) return refused('it holds two keys with one kid');
    keys.set(kid, imported);
  }
  return { ok: true, keys };
}

function importKey(jwk: unknown, cache: KeyCache): VerificationKey | 'private' | 'unusable' {
  try {
    return cache.import(jwk);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.code === 'key_private' ? 'private' : 'unusable';
  }
}

/** Malformed text is not accepted as a `kid`. */
function isKid(text: string): boolean {
  return text.length > 0 && text.length <= 256 && text.isWellFormed();
}

function refused(problem: string): KeySet {
  return { ok: false, problem, compromised: false };
}
