import {
  type Actor,
  type AuditAppender,
  type Directory,
  directoryErrors,
  parsePrincipalId,
} from '@countersign/contracts';
import { type CodedError, digestOf, type Json, membersOf, type RecordId } from '@countersign/kernel';
import { applyPatch } from '../patch/apply-patch.ts';
import { scimErrors } from '../schema/errors.ts';
import { principalUrn } from '../schema/principal.ts';
import type { Asserted } from '../schema/read-resource.ts';
import { userShape } from '../schema/resource-shape.ts';
import { refuseGrant } from './grants.ts';
import { documentWith, factsIn, factsOf, newPersonDocument, type PersonFacts } from './person-document.ts';
import { notFound, requireVersion, versionStale } from './preconditions.ts';
import type { Caller, Provisioning } from './resource-operations.ts';
import type { ScimStore, StoredResource } from './store.ts';
import { type ScimResource, userOf } from './users.ts';

export interface ProvisioningDependencies {
  readonly store: ScimStore;
  readonly directory: Pick<Directory, 'edit'>;
  readonly refuse: Refuse;
  readonly assignableRoles: ReadonlySet<string>;
  /** Without a trailing slash. */
  readonly base: string;
}

const reason = 'provisioned by the institution (SCIM)';
/** Every attempt met a concurrent change. */
const maxAttempts = 5;

/**
 * In a replacement, absent `active`, extension and names at identity providers stay; absent roles, external id and, within an
 * extension, desk are cleared. A User whose `active` is removed becomes inactive.
 */
export function createUserProvisioning(dependencies: ProvisioningDependencies): Provisioning {
  const { store, directory, refuse, assignableRoles, base } = dependencies;

  async function find(
    id: string,
    by: Pick<Caller, 'institution'>,
  ): Promise<{ person: StoredResource; desk: StoredResource | undefined }> {
    const found = await store.person(by.institution, id);
    const person = found.find(({ kind }) => kind === 'person');
    if (person === undefined) throw notFound();
    return { person, desk: found.find(({ kind }) => kind === 'desk') };
  }

  async function write(
    person: { readonly entity: string; readonly document: Document; readonly isThere: boolean },
    facts: PersonFacts,
    by: Caller,
  ): Promise<void> {
    const { entity, document, isThere } = person;
    const before = isThere ? factsOf(document) : undefined;
    const after = documentWith(document, facts);
    if (isThere && digestOf(sortedLists(after)) === digestOf(sortedLists(document))) return;
    await refuseSelfChange(entity, by);
    const refusal = refuseGrant(before, facts, assignableRoles);
    if (refusal !== undefined) await refuse(refusal, by, entity);
    if (facts.desk !== undefined && facts.desk !== before?.desk) await requireDesk(facts.desk, by);
    await directory.edit({ put: { people: [after] } }, by, {
      expected: [{ kind: 'person', id: entity, digest: isThere ? digestOf(document) : null }],
      reason,
      mayGive: assignableRoles,
    });
  }

  async function refuseSelfChange(entity: string, by: Caller): Promise<void> {
    if (entity === by.id)
      await refuse(scimErrors.error('scim_self_change', 'Provisioning your own account is not permitted.'), by, entity);
  }

  /** A misspelt desk would silently remove the person's entitlements. */
  async function requireDesk(name: string, { institution }: Caller): Promise<void> {
    if (!(await store.hasDesk(institution, name)))
      throw scimErrors.error('scim_value_invalid', 'The institution has no desk with this name.');
  }

  async function change(
    id: string,
    by: Caller,
    ifMatch: string | undefined,
    wanted: (user: ScimResource) => ScimResource,
  ): Promise<ScimResource> {
    return whileContended(async () => {
      const { person, desk } = await find(id, by);
      const before = userOf(person, desk, base);
      requireVersion(ifMatch, versionOf(before));
      const after = wanted(before);
      await write({ ...person, isThere: true }, factsIn(after, factsOf(person.document)), by);
      const externalId = externalIdIn(after);
      if (externalId !== person.externalId && !(await store.changeExternalId(person, externalId))) {
        if (ifMatch !== undefined) throw versionStale();
        return undefined;
      }
      return read(id, by.institution);
    });
  }

  async function read(id: string, institution: string): Promise<ScimResource> {
    const { person, desk } = await find(id, { institution });
    return userOf(person, desk, base);
  }

  return {
    read,
    create: (asserted, by) =>
      whileContended(async () => {
        const entity = readUserName(asserted.core['userName']);
        const holder = await store.holder(entity);
        if (holder !== undefined)
          await refuse(
            scimErrors.error('scim_name_taken', 'This userName is taken. A name is never reused, at any institution.'),
            by,
            entity,
          );
        const document = newPersonDocument(entity, by.institution);
        const facts = factsIn(asResource(asserted), { ...factsOf(document) });
        await write({ entity, document, isThere: false }, facts, by);
        const created = await store.holder(entity);
        if (created === undefined || created.institution !== by.institution) return undefined;
        const externalId = externalIdIn(asserted.core);
        if (externalId !== null) await store.giveExternalId(created, externalId);
        return read(created.scimId, by.institution);
      }),

    replace: (id, asserted, by, ifMatch) =>
      change(id, by, ifMatch, (before) => {
        requireSameName(asserted.core['userName'], before);
        return replaced(before, asserted);
      }),

    patch: (id, operations, by, ifMatch) =>
      change(id, by, ifMatch, (before) => {
        const after = applyPatch(before, operations, userShape);
        // If `active` is missing, the PATCH removed it.
        return { ...after, active: after['active'] ?? null };
      }),

    async remove(id, by, ifMatch) {
      await whileContended(async () => {
        const { person, desk } = await find(id, by);
        requireVersion(ifMatch, versionOf(userOf(person, desk, base)));
        const { entity } = person;
        await refuseSelfChange(entity, by);
        await directory.edit({ remove: [{ kind: 'person', id: entity }] }, by, {
          expected: [{ kind: 'person', id: entity, digest: digestOf(person.document) }],
          reason,
        });
        await store.hide(entity);
        return true;
      });
    },
  };
}

type Document = StoredResource['document'];

export async function whileContended<Value>(attempt: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < maxAttempts; tries++) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      if (!directoryErrors.is(error, 'directory_changed_meanwhile')) throw error;
    }
  }
  throw scimErrors.error('scim_contended', 'The resource is being changed concurrently. Try again.');
}

export function versionOf(resource: ScimResource): string {
  const version = membersOf(resource['meta'])?.['version'];
  if (typeof version !== 'string') throw new Error('a resource without a version');
  return version;
}

export function externalIdIn(resource: { readonly externalId?: Json }): string | null {
  const { externalId } = resource;
  return typeof externalId === 'string' ? externalId : null;
}

function readUserName(userName: Json | undefined): string {
  // userName is case-insensitive (RFC 7643 section 4.1.1); the directory stores it in lower case.
  const id = typeof userName === 'string' ? parsePrincipalId(`person:${userName.toLowerCase()}`) : undefined;
  if (id === undefined)
    throw scimErrors.error(
      'scim_value_invalid',
      'A userName has 1 to 64 letters, digits, dots, underscores and hyphens, and begins and ends with a letter or digit.',
    );
  return id;
}

function requireSameName(userName: Json | undefined, before: ScimResource): void {
  if (typeof userName !== 'string' || userName.toLowerCase() !== before['userName'])
    throw scimErrors.error(
      'scim_attribute_immutable',
      'userName cannot be changed, because records name the person by it.',
    );
}

function asResource({ core, extensions }: Asserted): ScimResource {
  return { ...core, ...extensions };
}

function replaced(before: ScimResource, { core, extensions }: Asserted): ScimResource {
  const was = membersOf(before[principalUrn]) ?? {};
  const sent = extensions[principalUrn];
  const names = sent !== undefined && Object.hasOwn(sent, 'federatedIdentities') ? sent : was;
  return {
    ...core,
    [principalUrn]: sent === undefined ? was : { ...sent, federatedIdentities: names['federatedIdentities'] ?? null },
  };
}

function sortedLists(document: Document): Json {
  const texts = (json: Json | undefined): Json =>
    Array.isArray(json) ? json.map((item: Json) => JSON.stringify(item)).sort() : (json ?? null);
  return { ...document, roles: texts(document['roles']), federated: texts(document['federated']) };
}

/** Records the refused request before the response. */
export type Refuse = (error: CodedError, by: Actor, entity: string) => Promise<never>;

export function createRefuse(dependencies: {
  readonly audit: AuditAppender;
  readonly newRecordId: () => RecordId;
}): Refuse {
  return async (error, by, entity) => {
    await dependencies.audit.append({
      id: dependencies.newRecordId(),
      type: 'access.refused',
      source: 'directory',
      outcome: 'deny',
      reason: error.code,
      subject: by,
      data: { operation: 'identity:provision', entity },
    });
    throw error;
  };
}
