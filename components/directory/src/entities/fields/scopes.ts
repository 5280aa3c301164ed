import { type ProtocolScope, protocolScopes } from '@countersign/contracts';
import { checkSeparation, parseScope, type Scope } from '@countersign/market';
import { Type } from 'typebox';
import type { Place } from '../../problems.ts';

export const scopesSchema = Type.Array(Type.String({ maxLength: 128 }), { maxItems: 128, uniqueItems: true });

export function isProtocolScope(text: string): text is ProtocolScope {
  return protocolScopes.some((scope) => scope === text);
}

/** Scopes of our vocabulary and of OAuth itself; each error is reported at its own place. */
export function readScopes(texts: readonly string[], place: Place): ReadonlySet<Scope | ProtocolScope> | undefined {
  const scopes = new Set<Scope | ProtocolScope>();
  let complete = true;
  for (const [index, text] of texts.entries()) {
    if (isProtocolScope(text)) {
      scopes.add(text);
      continue;
    }
    const parsed = place.at(index).take(parseScope(text));
    // Each entry must hold exactly one scope.
    if (parsed?.size === 1) for (const scope of parsed) scopes.add(scope);
    else {
      if (parsed !== undefined) place.at(index).report('scope_unknown', 'Each entry of the list must be one scope.');
      complete = false;
    }
  }
  return complete ? scopes : undefined;
}

/** Whether one client may hold these scopes together. */
export function readSeparateScopes(
  texts: readonly string[],
  place: Place,
): ReadonlySet<Scope | ProtocolScope> | undefined {
  const scopes = readScopes(texts, place);
  if (scopes === undefined) return undefined;
  const separation = checkSeparation(new Set([...scopes].filter((scope) => !isProtocolScope(scope))));
  if (separation.ok) return scopes;
  const [doing, checking] = separation.pair;
  return place.report(
    'scope_duties_combined',
    `One client cannot hold both ${doing} and ${checking}, because one checks the other. Use clients of two principals.`,
  );
}
