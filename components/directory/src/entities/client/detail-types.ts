import { authorizationDetailTypes, isApplicationDetailTypeName, isAuthorizationDetailType } from '@countersign/market';
import type { Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

/**
 * Authorization-detail types that the client may ask for; every one of the market when it names none, none for `oidc`. Those of
 * applications come and go with the policies: here they need only be names that an application can have.
 */
export function readDetailTypes(document: ClientDocument, place: Place): readonly string[] {
  const { authorization_details_types: named, profile } = document;
  for (const [index, type] of (named ?? []).entries())
    if (!isAuthorizationDetailType(type) && !isApplicationDetailTypeName(type))
      place
        .at('authorization_details_types', index)
        .report(
          'client_metadata_invalid',
          `There is no such type; there are ${authorizationDetailTypes.join(', ')}, and the https URIs that applications declare.`,
        );
  return named ?? (profile === 'oidc' ? [] : authorizationDetailTypes);
}
