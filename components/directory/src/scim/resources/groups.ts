import { defined, digestOf } from '@countersign/kernel';
import { groupUrn } from '../schema/group.ts';
import type { StoredResource } from './store.ts';
import { type ScimResource, userNameOf } from './users.ts';

export function groupOf(desk: StoredResource, people: readonly StoredResource[], base: string): ScimResource {
  const members = people.map(({ scimId, entity }) => ({
    value: scimId,
    $ref: `${base}/Users/${scimId}`,
    display: userNameOf(entity),
    type: 'User',
  }));
  const displayName = nameOfDesk(desk);
  const changed = Math.max(...[desk, ...people].map(({ changedAt }) => changedAt.getTime()));
  return {
    schemas: [groupUrn],
    id: desk.scimId,
    ...defined({ externalId: desk.externalId ?? undefined }),
    displayName,
    ...(members.length === 0 ? {} : { members }),
    meta: {
      resourceType: 'Group',
      created: desk.createdAt.toISOString(),
      lastModified: new Date(changed).toISOString(),
      location: `${base}/Groups/${desk.scimId}`,
      version: `W/"${digestOf([displayName, desk.externalId, members.map(({ value }) => value)]).slice(0, 22)}"`,
    },
  };
}

export function nameOfDesk({ document, entity }: StoredResource): string {
  const { name } = document;
  return typeof name === 'string' ? name : entity;
}

export function peopleByDesk(people: readonly StoredResource[]): ReadonlyMap<string, readonly StoredResource[]> {
  const desks = new Map<string, StoredResource[]>();
  for (const person of people) {
    const { desk } = person.document;
    if (typeof desk !== 'string') continue;
    const there = desks.get(desk);
    if (there === undefined) desks.set(desk, [person]);
    else there.push(person);
  }
  return desks;
}
