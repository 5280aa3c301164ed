import { checkSeparation, parseScope, type Scope } from '@countersign/market';
import { Type } from 'typebox';
import type { Place } from '../problems.ts';

export const scopesSchema = Type.Array(Type.String({ maxLength: 128 }), { maxItems: 128, uniqueItems: true });

/** Scopes of the vocabulary, each reported at its own place. */
export function readScopes(texts: readonly string[], place: Place): ReadonlySet<Scope> | undefined {
  const scopes = new Set<Scope>();
  let complete = true;
  for (const [index, text] of texts.entries()) {
    const parsed = place.at(index).take(parseScope(text));
    // One entry is one scope: neither none nor several in one text.
    if (parsed?.size === 1) for (const scope of parsed) scopes.add(scope);
    else {
      if (parsed !== undefined) place.at(index).report('scope_unknown', 'Each entry of the list is one scope.');
      complete = false;
    }
  }
  return complete ? scopes : undefined;
}

/** Scopes that one client may hold together. */
export function readSeparateScopes(texts: readonly string[], place: Place): ReadonlySet<Scope> | undefined {
  const scopes = readScopes(texts, place);
  if (scopes === undefined) return undefined;
  const separation = checkSeparation(scopes);
  if (separation.ok) return scopes;
  const [doing, checking] = separation.pair;
  return place.report(
    'scope_duties_combined',
    `${doing} and ${checking} check each other: they belong to two clients of two principals.`,
  );
}
