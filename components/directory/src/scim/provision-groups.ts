import { digestOf, type Json, membersOf } from '@countersign/kernel';
import { scimErrors } from './errors.ts';
import { groupOf, nameOfDesk } from './groups.ts';
import { applyPatch } from './patch/apply-patch.ts';
import type { PatchOperation } from './patch/read-patch.ts';
import { documentWith, factsOf } from './person-document.ts';
import { requireVersion, versionStale } from './preconditions.ts';
import {
  type Caller,
  externalIdIn,
  notFound,
  type ProvisioningDependencies,
  versionOf,
  whileContended,
} from './provision-users.ts';
import type { Asserted } from './schema/read-resource.ts';
import { groupShape } from './schema/resource-shape.ts';
import { isScimId } from './scim-id.ts';
import type { StoredResource } from './store.ts';
import type { ScimResource } from './users.ts';

/** Who works at the desks of one institution. Desks themselves are made by a directory file. */
export interface GroupProvisioning {
  read(id: string, institution: string): Promise<ScimResource>;
  /** Members that are not asserted stay; an empty list clears them. @throws CodedError of `scimErrors`, `directoryErrors` */
  replace(id: string, group: Asserted, by: Caller, ifMatch: string | undefined): Promise<ScimResource>;
  patch(
    id: string,
    operations: readonly PatchOperation[],
    by: Caller,
    ifMatch: string | undefined,
  ): Promise<ScimResource>;
}

/** People who move in one request; as many as the directory changes in one edit. */
const maxMoves = 1_000;
const reason = 'moved by the institution (SCIM)';

export function createGroupProvisioning(dependencies: ProvisioningDependencies): GroupProvisioning {
  const { store, directory, refuse, base } = dependencies;

  async function find(id: string, institution: string) {
    const found = await store.desk(institution, { scimId: id });
    const desk = found.find(({ kind }) => kind === 'desk');
    if (desk === undefined) throw notFound();
    return { desk, name: nameOfDesk(desk), members: found.filter(({ kind }) => kind === 'person') };
  }

  async function change(
    id: string,
    by: Caller,
    ifMatch: string | undefined,
    wanted: (group: ScimResource) => ScimResource,
  ): Promise<ScimResource> {
    return whileContended(async () => {
      const { desk, name, members } = await find(id, by.institution);
      const before = groupOf(desk, members, base);
      requireVersion(ifMatch, versionOf(before));
      const after = wanted(before);
      await move(name, members, membersIn(after), by);
      const externalId = externalIdIn(after);
      if (externalId !== desk.externalId && !(await store.changeExternalId(desk, externalId))) {
        if (ifMatch !== undefined) throw versionStale();
        return undefined;
      }
      return read(id, by.institution);
    });
  }

  /** Puts people at the desk and takes others from it, in one change. */
  async function move(
    desk: string,
    members: readonly StoredResource[],
    wanted: ReadonlySet<string>,
    by: Caller,
  ): Promise<void> {
    const there = new Set(members.map(({ scimId }) => scimId));
    const joining = [...wanted].filter((scimId) => !there.has(scimId));
    const leaving = members.filter(({ scimId }) => !wanted.has(scimId));
    if (joining.length + leaving.length === 0) return;
    if (joining.length + leaving.length > maxMoves)
      throw scimErrors.error('scim_too_many', `At most ${maxMoves} people move in one request.`);
    const known = new Map(
      (joining.length === 0 ? [] : await store.people(by.institution, joining)).map((person) => [
        person.scimId,
        person,
      ]),
    );
    const joiners = joining.map((scimId) => {
      const person = known.get(scimId);
      if (person === undefined) throw scimErrors.error('scim_value_invalid', 'A member is no User of the institution.');
      return person;
    });
    const moves = [
      ...joiners.map((person) => ({ person, desk })),
      ...leaving.map((person) => ({ person, desk: undefined })),
    ];
    if (moves.some(({ person }) => person.entity === by.id))
      await refuse(scimErrors.error('scim_self_change', 'Nobody provisions themselves.'), by, by.id);
    await directory.edit(
      {
        put: {
          people: moves.map(({ person, desk }) => documentWith(person.document, { ...factsOf(person.document), desk })),
        },
      },
      by,
      {
        expected: moves.map(({ person }) => ({
          kind: 'person',
          id: person.entity,
          digest: digestOf(person.document),
        })),
        reason,
      },
    );
  }

  async function read(id: string, institution: string): Promise<ScimResource> {
    const { desk, members } = await find(id, institution);
    return groupOf(desk, members, base);
  }

  return {
    read,
    replace: (id, { core }, by, ifMatch) =>
      change(id, by, ifMatch, (before) => {
        if (core['displayName'] !== before['displayName'])
          throw scimErrors.error('scim_attribute_immutable', 'Desks are renamed by a directory file.');
        return {
          ...core,
          members: Object.hasOwn(core, 'members') ? (core['members'] ?? null) : (before['members'] ?? null),
        };
      }),
    patch: (id, operations, by, ifMatch) =>
      change(id, by, ifMatch, (before) => applyPatch(before, operations, groupShape)),
  };
}

/** @throws CodedError `scim_value_invalid` for what cannot be an id */
function membersIn({ members }: ScimResource): ReadonlySet<string> {
  const items: readonly Json[] = Array.isArray(members) ? members : [];
  return new Set(
    items.map((item) => {
      const value = membersOf(item)?.['value'];
      if (typeof value !== 'string' || !isScimId(value))
        throw scimErrors.error('scim_value_invalid', 'A member is no User of the institution.');
      return value.toLowerCase();
    }),
  );
}
