import type { Json } from '@countersign/kernel';
import fc from 'fast-check';
import SCIMMY from 'scimmy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyPatch } from './patch/apply-patch.ts';
import { readPatch } from './patch/read-patch.ts';
import { userShape } from './schema/resource-shape.ts';
import { createScimRig, newUser, patch, principalUrn, type ScimRig, userUrn } from './testing/scim-rig.ts';

// An independent implementation reads our responses.

let rig: ScimRig;
const roles = ['trader', 'sales', 'auditor'];
beforeAll(async () => {
  rig = await createScimRig();
  for (const [index, userName] of ['carl', 'dora', 'emil', 'fred.carl'].entries())
    await rig.client.send(
      'POST',
      '/Users',
      newUser(userName, {
        active: index !== 1,
        ...(index % 2 === 0 ? { externalId: `hr-${index}` } : {}),
        roles: ['operations', ...roles.slice(0, index)].map((value) => ({ value })),
      }),
    );
});
afterAll(() => rig.close());

/** It accepts extension URNs of the IETF only. */
const asTheirs = (urn: string): string =>
  urn.replace('urn:countersign:scim:schemas', 'urn:ietf:params:scim:schemas:extension:countersign');

type Definition = ReturnType<typeof definitionOf>;
type Attribute = { name: string; type: string; subAttributes?: readonly Attribute[] } & Record<string, unknown>;

/** One of our published schemas in the format of that implementation. */
function definitionOf(schema: { id: string; name: string; attributes: readonly Attribute[] }) {
  const attributeOf = ({ name, type, subAttributes = [], mutability, ...config }: Attribute): SCIMMY.Types.Attribute =>
    new SCIMMY.Types.Attribute(
      type as 'string',
      name,
      { ...config, mutable: mutability !== 'readOnly' && String(mutability) },
      subAttributes.map(attributeOf),
    );
  return new SCIMMY.Types.SchemaDefinition(schema.name, asTheirs(schema.id), '', schema.attributes.map(attributeOf));
}

async function publishedDefinitions(): Promise<ReadonlyMap<string, Definition>> {
  const { body } = await rig.client.get('/Schemas');
  const list = body['Resources'] as unknown as readonly Parameters<typeof definitionOf>[0][];
  return new Map(list.map((schema) => [schema.id, definitionOf(schema)]));
}

describe('the interface, read by scimmy', () => {
  it('publishes schemas that its own resources satisfy', async () => {
    const definitions = await publishedDefinitions();
    expect([...definitions.keys()]).toEqual([userUrn, principalUrn, 'urn:ietf:params:scim:schemas:core:2.0:Group']);
    for (const list of ['/Users', '/Groups']) {
      const { resources } = await rig.client.get(list);
      expect(resources.length).toBeGreaterThan(0);
      for (const resource of resources) {
        const urns = resource['schemas'] as readonly string[];
        const core = definitions.get(String(urns[0]));
        const { [principalUrn]: extension, ...own } = resource as Record<string, Json>;
        const coerced = core?.coerce({ ...own, schemas: [urns[0]] }, 'out');
        expect(JSON.parse(JSON.stringify(coerced))).toEqual({ ...own, schemas: [urns[0]] });
        if (extension !== undefined)
          expect(
            JSON.parse(
              JSON.stringify(
                definitions
                  .get(principalUrn)
                  ?.coerce({ id: 'x', schemas: [asTheirs(principalUrn)], ...(extension as object) }, 'out'),
              ),
            ),
          ).toMatchObject(extension as object);
      }
    }
  });

  it('returns Users and Groups that satisfy the specification’s own schemas', async () => {
    const users = (await rig.client.get('/Users')).resources;
    for (const user of users) {
      const read = JSON.parse(JSON.stringify(new SCIMMY.Schemas.User(user, 'out')));
      expect(read).toMatchObject({ id: user['id'], userName: user['userName'], active: user['active'] });
      expect(read.roles ?? []).toMatchObject((user['roles'] ?? []) as object);
    }
    for (const group of (await rig.client.get('/Groups')).resources) {
      const read = JSON.parse(JSON.stringify(new SCIMMY.Schemas.Group(group, 'out')));
      expect(read).toMatchObject({ displayName: group['displayName'], ...membersPart(group) });
    }
  });

  it('returns lists, errors and its configuration in the forms of the specification', async () => {
    const list = (await rig.client.get('/Users')).body;
    // Given the raw response, it refuses anything but a ListResponse.
    expect(JSON.parse(JSON.stringify(new SCIMMY.Messages.ListResponse(list as never)))).toEqual(list);
    const config = (await rig.client.get('/ServiceProviderConfig')).body;
    expect(JSON.parse(JSON.stringify(new SCIMMY.Schemas.ServiceProviderConfig(config)))).toMatchObject({
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 100, maxPayloadSize: 1_048_576 },
      filter: { supported: true, maxResults: 200 },
      etag: { supported: true },
    });
    const bulk = await rig.client.send('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        { method: 'POST', path: '/Users', bulkId: 'a', data: newUser('gina', { roles: [{ value: 'trader' }] }) },
        { method: 'DELETE', path: '/Users/2819c223-7f76-453a-919d-413861904646' },
      ],
    });
    expect(bulk.body['Operations']).toMatchObject([{ status: '201' }, { status: '404' }]);
    expect(JSON.parse(JSON.stringify(new SCIMMY.Messages.BulkResponse(bulk.body as never)))).toEqual(bulk.body);
    for (const type of (await rig.client.get('/ResourceTypes')).resources)
      expect(JSON.parse(JSON.stringify(new SCIMMY.Schemas.ResourceType(type)))).toMatchObject({
        id: type['id'],
        schema: type['schema'],
        endpoint: type['endpoint'],
      });
    expect((await rig.client.get('/Schemas?filter=name eq "x"')).body).toMatchObject({ status: '403' });
    expect((await rig.client.get(`/Schemas/${userUrn}`)).body).toMatchObject({ id: userUrn });
    expect((await rig.client.get('/ResourceTypes/Device')).body).toMatchObject({ status: '404' });
    const { body } = await rig.client.get('/Users/nobody');
    // It throws the error that it parsed, and a different one if it cannot parse it.
    expect(() => new SCIMMY.Messages.ErrorResponse(body as never)).toThrow(
      expect.objectContaining({ status: '404', message: String(body['detail']) }),
    );
  });
});

function membersPart({ members }: Readonly<Record<string, Json>>) {
  return members === undefined ? {} : { members };
}

describe('filters', () => {
  const text = fc.constantFrom('carl', 'dora', 'hr-', 'hr-2', 'r', 'trader', 'a', '', 'anna.keller', 'z');
  const comparison = fc.oneof(
    fc
      .tuple(fc.constantFrom('userName', 'externalId'), fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'), text)
      .map(([name, op, value]) => `${name} ${op} "${value}"`),
    // It reads a missing value as the text "undefined".
    fc.tuple(fc.constantFrom('co', 'sw', 'ew'), text).map(([op, value]) => `userName ${op} "${value}"`),
    fc.tuple(fc.constantFrom('eq', 'ne'), fc.boolean()).map(([op, value]) => `active ${op} ${value}`),
    fc.constantFrom('externalId pr', 'title pr', 'active pr'),
    fc.tuple(fc.constantFrom('eq', 'co', 'sw', 'ew'), text).map(([op, value]) => `roles[value ${op} "${value}"]`),
    fc
      .tuple(fc.constantFrom('gt', 'ge', 'lt', 'le'), fc.constantFrom('2011-05-13T04:42:34Z', '2999-01-01T00:00:00Z'))
      .map(([op, value]) => `meta.created ${op} "${value}"`),
  );
  const { filter } = fc.letrec<{ filter: string }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      comparison,
      fc.tuple(tie('filter'), tie('filter')).map(([a, b]) => `${a} and ${b}`),
      fc.tuple(tie('filter'), tie('filter')).map(([a, b]) => `${a} or ${b}`),
    ),
  }));

  it('find the same Users as scimmy', async () => {
    const { resources } = await rig.client.get('/Users');
    let foundSomeNotAll = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (expression) => {
        const ours = (await rig.client.get(`/Users?filter=${encodeURIComponent(expression)}`)).resources;
        const theirs = new SCIMMY.Types.Filter(expression).match([...resources]) as typeof ours;
        if (ours.length > 0 && ours.length < resources.length) foundSomeNotAll++;
        expect(ours.map(({ userName }) => userName)).toEqual(theirs.map(({ userName }) => userName));
      }),
      { numRuns: 300 },
    );
    expect(foundSomeNotAll).toBeGreaterThan(20);
  });
});

describe('PATCH', () => {
  const value = fc.constantFrom(...roles, 'desk-head').map((role) => ({ value: role }));
  const values = fc.uniqueArray(value, { minLength: 1, maxLength: 3, selector: ({ value }) => value });
  const operation = fc.oneof(
    fc.record({ op: fc.constantFrom('add', 'replace'), path: fc.constant('roles'), value: values }),
    fc.record({ op: fc.constant('remove'), path: value.map((role) => `roles[value eq "${role.value}"]`) }),
    fc.constant({ op: 'remove', path: 'roles' }),
    fc.record({ op: fc.constantFrom('add', 'replace'), path: fc.constant('active'), value: fc.boolean() }),
    fc.record({
      op: fc.constantFrom('add', 'replace'),
      value: fc.record({ externalId: fc.constantFrom('a', 'b'), active: fc.boolean() }),
    }),
    fc.constant({ op: 'remove', path: 'externalId' }),
  );

  it('changes a User as scimmy does', async () => {
    const before = { id: 'x', userName: 'carl', active: true, roles: [{ value: 'trader' }], externalId: 'c' };
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 6 }), async (operations) => {
        const message = patch(...(operations as readonly Record<string, Json>[]));
        const ours = applyPatch(before, readPatch(message), userShape);
        let theirs: unknown = before;
        await new SCIMMY.Messages.PatchOp(message as never).apply(
          new SCIMMY.Schemas.User(before, 'both') as never,
          async (changed: unknown) => {
            theirs = changed;
            return changed as never;
          },
        );
        expect(pick(ours)).toEqual(pick(JSON.parse(JSON.stringify(theirs))));
      }),
      { numRuns: 300 },
    );
  });

  function pick(user: Readonly<Record<string, unknown>>) {
    const list = (user['roles'] ?? []) as readonly { value: string }[];
    return {
      active: user['active'],
      externalId: user['externalId'],
      // It stores a value that is added twice; RFC 7643 section 2.4 requires distinct values.
      roles: [...new Set(list.map((role) => role.value))].sort(),
    };
  }
});
