import { defined, type Json } from '@countersign/kernel';
import { principalUrn } from '../schema/principal.ts';
import { userUrn } from '../schema/user.ts';
import { factsOf } from './person-document.ts';
import type { StoredResource } from './store.ts';

export type ScimResource = { readonly [member: string]: Json };

/** With the names at identity providers, so that a PATCH can change them; no projection returns them. */
export function userOf(person: StoredResource, desk: StoredResource | undefined, base: string): ScimResource {
  const { active, roles, desk: deskName, federated } = factsOf(person.document);
  return {
    schemas: [userUrn, principalUrn],
    id: person.scimId,
    ...defined({ externalId: person.externalId ?? undefined }),
    userName: userNameOf(person.entity),
    active,
    ...(roles.length === 0 ? {} : { roles: roles.map((value) => ({ value })) }),
    ...(desk === undefined
      ? {}
      : {
          groups: [
            { value: desk.scimId, $ref: `${base}/Groups/${desk.scimId}`, display: deskName ?? '', type: 'direct' },
          ],
        }),
    [principalUrn]: {
      principal: person.entity,
      institution: person.institution,
      ...defined({ desk: deskName }),
      ...(federated.length === 0
        ? {}
        : { federatedIdentities: federated.map(({ issuer, subject }) => ({ issuer, subject })) }),
    },
    meta: {
      resourceType: 'User',
      created: person.createdAt.toISOString(),
      lastModified: person.changedAt.toISOString(),
      location: `${base}/Users/${person.scimId}`,
      version: userVersion(person, desk),
    },
  };
}

/** The ETag. A digest of the resource would reveal the hidden names to a caller who knows the rest. */
function userVersion({ version, revision }: StoredResource, desk: StoredResource | undefined): string {
  return `W/"${version}.${revision}${desk === undefined ? '' : `.${desk.scimId.slice(0, 8)}`}"`;
}

export function userNameOf(entity: string): string {
  return entity.slice(entity.indexOf(':') + 1);
}
