import type { ExpectedEntity } from '@countersign/contracts';
import { digestOf, type Json, membersOf } from '@countersign/kernel';
import { applyPatch } from '../patch/apply-patch.ts';
import { scimErrors } from '../schema/errors.ts';
import { groupShape } from '../schema/resource-shape.ts';
import { isScimId } from '../schema/scim-id.ts';
import { groupOf, nameOfDesk } from './groups.ts';
import { documentWith, factsOf } from './person-document.ts';
import { notFound, requireVersion, versionStale } from './preconditions.ts';
import { externalIdIn, type ProvisioningDependencies, versionOf, whileContended } from './provision-users.ts';
import type { Caller, Provisioning } from './resource-operations.ts';
import type { StoredResource } from './store.ts';
import type { ScimResource } from './users.ts';

interface Moves {
  readonly people: readonly unknown[];
  readonly condition: { readonly expected: readonly ExpectedEntity[]; readonly reason: string };
}

const maxMoves = 1_000;
const reasons = {
  moved: 'moved by the institution (SCIM)',
  created: 'desk made by the institution (SCIM)',
  removed: 'desk removed by the institution (SCIM)',
} as const;

/** A desk without entitlements: no product, venue or jurisdiction, and never open. Entitlements need `directory:apply`. */
function newDeskDocument(institution: string, name: string) {
  return {
    institution,
    name,
    products: [],
    venues: [],
    jurisdictions: [],
    hours: { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [] },
  };
}

/**
 * Groups are desks. A new desk has no entitlements; in a replacement absent members stay and an empty list removes all; a
 * removed desk leaves its people without a desk.
 */
export function createGroupProvisioning(dependencies: ProvisioningDependencies): Provisioning {
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
      const moves = await movesTo(name, members, membersIn(after), by);
      if (moves.people.length > 0) await directory.edit({ put: { people: moves.people } }, by, moves.condition);
      const externalId = externalIdIn(after);
      if (externalId !== desk.externalId && !(await store.changeExternalId(desk, externalId))) {
        if (ifMatch !== undefined) throw versionStale();
        return undefined;
      }
      return read(id, by.institution);
    });
  }

  async function movesTo(
    desk: string,
    members: readonly StoredResource[],
    wanted: ReadonlySet<string>,
    by: Caller,
  ): Promise<Moves> {
    const there = new Set(members.map(({ scimId }) => scimId));
    const joining = [...wanted].filter((scimId) => !there.has(scimId));
    const leaving = members.filter(({ scimId }) => !wanted.has(scimId));
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
      if (person === undefined)
        throw scimErrors.error('scim_value_invalid', 'A member is not a User of the institution.');
      return person;
    });
    const moves = [
      ...joiners.map((person) => ({ person, desk })),
      ...leaving.map((person) => ({ person, desk: undefined })),
    ];
    if (moves.some(({ person }) => person.entity === by.id))
      await refuse(scimErrors.error('scim_self_change', 'Provisioning your own account is not permitted.'), by, by.id);
    return {
      people: moves.map(({ person, desk }) => documentWith(person.document, { ...factsOf(person.document), desk })),
      condition: {
        expected: moves.map(({ person }) => ({
          kind: 'person',
          id: person.entity,
          digest: digestOf(person.document),
        })),
        reason: reasons.moved,
      },
    };
  }

  async function read(id: string, institution: string): Promise<ScimResource> {
    const { desk, members } = await find(id, institution);
    return groupOf(desk, members, base);
  }

  async function deskCalled(name: string, institution: string): Promise<StoredResource | undefined> {
    return (await store.desk(institution, { name })).find(({ kind }) => kind === 'desk');
  }

  return {
    read,
    create: ({ core }, by) =>
      whileContended(async () => {
        const { institution } = by;
        const name = String(core['displayName']);
        if ((await deskCalled(name, institution)) !== undefined)
          throw scimErrors.error('scim_name_taken', 'The institution already has a desk with this name.');
        const { people, condition } = await movesTo(name, [], membersIn(core), by);
        const id = `${institution}/${name}`;
        await directory.edit({ put: { desks: [newDeskDocument(institution, name)], people } }, by, {
          expected: [...condition.expected, { kind: 'desk', id, digest: null }],
          reason: reasons.created,
        });
        const created = await deskCalled(name, institution);
        if (created === undefined) return undefined;
        const externalId = externalIdIn(core);
        if (externalId !== null) await store.giveExternalId(created, externalId);
        return read(created.scimId, institution);
      }),
    replace: (id, { core }, by, ifMatch) =>
      change(id, by, ifMatch, (before) => {
        if (core['displayName'] !== before['displayName'])
          throw scimErrors.error(
            'scim_attribute_immutable',
            'The displayName of a Group cannot be changed, because people refer to their desk by name.',
          );
        return {
          ...core,
          members: Object.hasOwn(core, 'members') ? (core['members'] ?? null) : (before['members'] ?? null),
        };
      }),
    patch: (id, operations, by, ifMatch) =>
      change(id, by, ifMatch, (before) => applyPatch(before, operations, groupShape)),
    async remove(id, by, ifMatch) {
      await whileContended(async () => {
        const { desk, name, members } = await find(id, by.institution);
        requireVersion(ifMatch, versionOf(groupOf(desk, members, base)));
        const { people, condition } = await movesTo(name, members, new Set(), by);
        await directory.edit({ put: { people }, remove: [{ kind: 'desk', id: desk.entity }] }, by, {
          expected: [...condition.expected, { kind: 'desk', id: desk.entity, digest: digestOf(desk.document) }],
          reason: reasons.removed,
        });
        return true;
      });
    },
  };
}

/** @throws CodedError `scim_value_invalid` for an invalid id */
function membersIn({ members }: ScimResource): ReadonlySet<string> {
  const items: readonly Json[] = Array.isArray(members) ? members : [];
  return new Set(
    items.map((item) => {
      const value = membersOf(item)?.['value'];
      if (typeof value !== 'string' || !isScimId(value))
        throw scimErrors.error('scim_value_invalid', 'A member is not a User of the institution.');
      return value.toLowerCase();
    }),
  );
}
