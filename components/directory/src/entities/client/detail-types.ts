import { authorizationDetailTypes, isAuthorizationDetailType } from '@countersign/market';
import type { Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

/** Authorization-detail types that the client may ask for; every known one when it names none, none for `oidc`. */
export function readDetailTypes(document: ClientDocument, place: Place): readonly string[] {
  const { authorization_details_types: named, profile } = document;
  for (const [index, type] of (named ?? []).entries())
    if (!isAuthorizationDetailType(type))
      place
        .at('authorization_details_types', index)
        .report('client_metadata_invalid', `There is no such type; there are ${authorizationDetailTypes.join(', ')}.`);
  return named ?? (profile === 'oidc' ? [] : authorizationDetailTypes);
}
