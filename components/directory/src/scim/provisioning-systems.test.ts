import type { AddressInfo } from 'node:net';
import { type Json, membersOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker } from '../testing/example-file.ts';
import { createScimRig, type ScimRig } from './testing/scim-rig.ts';

// Two large provisioning systems over a socket, with the requests of their public documentation. A firm maps userName to its
// people's ids here; all other settings are defaults.

let rig: ScimRig;
let base: string;
beforeEach(async () => {
  rig = await createScimRig();
  await rig.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(rig.app.server.address() as AddressInfo).port}/scim/v2`;
});
afterEach(() => rig.close());

interface Told {
  readonly status: number;
  readonly body: Readonly<Record<string, Json>>;
  readonly resources: readonly Readonly<Record<string, Json>>[];
}

async function send(method: string, path: string, body?: Json, contentType = 'application/scim+json; charset=utf-8') {
  const answer = await fetch(base + path, {
    method,
    headers: {
      authorization: `Bearer service:hr ${broker} identity:read identity:provision`,
      accept: 'application/scim+json',
      // Okta and Entra ID send a content type even without a body.
      'content-type': contentType,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const read: Json = text === '' ? {} : JSON.parse(text);
  const members = membersOf(read) ?? {};
  const resources = members['Resources'];
  return {
    status: answer.status,
    body: members,
    resources: Array.isArray(resources) ? resources.map((each: Json) => membersOf(each) ?? {}) : [],
  } satisfies Told;
}
const query = (filter: string, more = '') => `?filter=${encodeURIComponent(filter)}${more}`;
const person = (name: string) => rig.directory.snapshot().principal(`person:${name}`);
const patchOf = (...operations: readonly Json[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: operations,
});

describe('Microsoft Entra ID', () => {
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
  const newUser = {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterprise],
    externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
    userName: 'Test.User',
    active: true,
    emails: [{ primary: true, type: 'work', value: 'test.user@broker.example' }],
    meta: { resourceType: 'User' },
    name: { formatted: 'Test User', familyName: 'User', givenName: 'Test' },
    roles: [{ primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'Trader', value: 'trader' }],
    [enterprise]: { department: 'Rates', manager: { value: null } },
  };

  it('tests the connection, and finds nobody under an unused name', async () => {
    const nobody = await send(
      'GET',
      `/Users${query('userName eq "7fc5a5e6-3b21-4a7b-9d0e not a name@broker.example"')}`,
    );
    expect(nobody).toMatchObject({ status: 200, body: { totalResults: 0 } });
    const group = await send(
      'GET',
      `/Groups?excludedAttributes=members&filter=${encodeURIComponent('displayName eq "x"')}`,
    );
    expect(group).toMatchObject({ status: 200, body: { totalResults: 0 } });
  });

  it('provisions a person, changes, disables and deletes them', async () => {
    const created = await send('POST', '/Users', newUser);
    expect(created).toMatchObject({ status: 201, body: { active: true, externalId: newUser.externalId } });
    const user = `/Users/${String(created.body['id'])}`;
    const found = await send('GET', `/Users${query('userName eq "Test.User"')}`);
    expect(found.resources).toMatchObject([{ id: created.body['id'], userName: 'test.user', active: true }]);
    const changed = await send(
      'PATCH',
      user,
      patchOf(
        { op: 'Replace', path: 'emails[type eq "work"].value', value: 'other@broker.example' },
        { op: 'Replace', path: 'name.familyName', value: 'Other' },
        { op: 'Add', path: `${enterprise}:department`, value: 'Credit' },
        { op: 'Replace', value: { displayName: 'Other', 'name.givenName': 'T' } },
        { op: 'Add', path: 'roles', value: [{ value: 'sales' }] },
      ),
    );
    expect(changed.status).toBe(200);
    expect(person('test.user')?.roles).toEqual(expect.arrayContaining(['trader', 'sales']));
    // The format before its PATCH fix is switched on, and after.
    for (const value of ['False', false]) {
      await send('PATCH', user, patchOf({ op: 'Replace', path: 'active', value: 'True' }));
      expect(person('test.user')).toBeDefined();
      const disabled = await send('PATCH', user, patchOf({ op: 'Replace', path: 'active', value }));
      expect(disabled).toMatchObject({ status: 200, body: { active: false } });
      expect(person('test.user')).toBeUndefined();
    }
    const disabled = await send('GET', `/Users${query('userName eq "test.user"')}`);
    expect(disabled.resources).toMatchObject([{ active: false }]);
    expect((await send('DELETE', user)).status).toBe(204);
    expect((await send('GET', user)).status).toBe(404);
  });

  it('provisions a group, with its members and without, and deletes it', async () => {
    const member = String((await send('POST', '/Users', newUser)).body['id']);
    const created = await send('POST', '/Groups', {
      schemas: [
        'urn:ietf:params:scim:schemas:core:2.0:Group',
        'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
      ],
      externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
      displayName: 'FX Desk',
      meta: { resourceType: 'Group' },
    });
    expect(created.status).toBe(201);
    const group = `/Groups/${String(created.body['id'])}`;
    expect((await send('GET', `${group}?excludedAttributes=members`)).body).not.toHaveProperty('members');
    const added = await send(
      'PATCH',
      group,
      patchOf({ op: 'Add', path: 'members', value: [{ $ref: null, value: member }] }),
    );
    expect(added.status).toBe(200);
    expect(person('test.user')?.desk).toBe('FX Desk');
    const filter = query(`id eq "${String(created.body['id'])}" and members eq "${member}"`, '&attributes=id');
    expect((await send('GET', `/Groups${filter}`)).status).toBe(200);
    const removed = await send(
      'PATCH',
      group,
      patchOf({ op: 'Remove', path: 'members', value: [{ $ref: null, value: member }] }),
    );
    expect(removed.status).toBe(200);
    expect(person('test.user')?.desk).toBeUndefined();
    expect((await send('DELETE', group)).status).toBe(204);
  });
});

describe('Okta', () => {
  const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
  const newUser = {
    schemas: [core],
    userName: 'test.okta',
    name: { givenName: 'Test', familyName: 'User' },
    emails: [{ primary: true, value: 'test.user@okta.local', type: 'work' }],
    displayName: 'Test User',
    locale: 'en-US',
    externalId: '00ujl29u0le5T6Aj10h7',
    groups: [],
    active: true,
  };

  it('tests the connection, and imports people and groups page by page', async () => {
    for (const path of ['/Users?startIndex=1&count=2', '/Groups?startIndex=1&count=100']) {
      const page = await send('GET', path);
      expect(page).toMatchObject({ status: 200, body: { startIndex: 1 } });
      expect(page.resources.length).toBe(2);
    }
    expect((await send('GET', '/ServiceProviderConfig')).status).toBe(200);
  });

  it('provisions a person, updates their profile, deactivates and reactivates them', async () => {
    const nobody = await send('GET', `/Users${query('userName eq "test.okta"', '&startIndex=1&count=100')}`);
    expect(nobody.body).toMatchObject({ totalResults: 0 });
    const created = await send('POST', '/Users', newUser);
    expect(created.status).toBe(201);
    const id = String(created.body['id']);
    expect((await send('GET', `/Users/${id}`)).body).toMatchObject({ id, userName: 'test.okta' });
    // It sends back everything that it read, with its changes.
    const updated = await send('PUT', `/Users/${id}`, {
      ...created.body,
      ...newUser,
      id,
      name: { givenName: 'Another', middleName: '', familyName: 'User' },
      roles: [{ value: 'trader' }],
      meta: { resourceType: 'User' },
    });
    expect(updated.status).toBe(200);
    expect(person('test.okta')?.roles).toEqual(['trader']);
    for (const active of [false, true]) {
      const answer = await send('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { active } }));
      expect(answer).toMatchObject({ status: 200, body: { active } });
      expect(person('test.okta') === undefined).toBe(!active);
    }
    const deactivated = await send('PUT', `/Users/${id}`, { ...newUser, id, active: false });
    expect(deactivated.body).toMatchObject({ active: false });
  });

  it('pushes a group, replaces and changes its members, and deletes it', async () => {
    const one = String((await send('POST', '/Users', newUser)).body['id']);
    const two = String(
      (await send('POST', '/Users', { ...newUser, userName: 'other.okta', externalId: 'x' })).body['id'],
    );
    expect((await send('GET', `/Groups${query('displayName eq "Test SCIMv2"')}`)).body).toMatchObject({
      totalResults: 0,
    });
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
    const created = await send('POST', '/Groups', { schemas, displayName: 'Test SCIMv2', members: [] });
    expect(created.status).toBe(201);
    const id = String(created.body['id']);
    const display = (value: string) => ({ value, display: 'test.user@okta.local' });
    const replaced = await send('PUT', `/Groups/${id}`, {
      schemas,
      id,
      displayName: 'Test SCIMv2',
      members: [display(one)],
    });
    expect(replaced.body).toMatchObject({ members: [{ value: one }] });
    const patched = await send(
      'PATCH',
      `/Groups/${id}`,
      patchOf(
        { op: 'remove', path: `members[value eq "${one}"]` },
        { op: 'add', path: 'members', value: [display(two)] },
        { op: 'replace', value: { id, displayName: 'Test SCIMv2' } },
      ),
    );
    expect(patched).toMatchObject({ status: 200, body: { members: [{ value: two }] } });
    const whole = await send(
      'PATCH',
      `/Groups/${id}`,
      patchOf({ op: 'replace', path: 'members', value: [display(one), display(two)] }),
    );
    expect(whole.body['members']).toHaveLength(2);
    expect((await send('DELETE', `/Groups/${id}`, undefined, 'application/json')).status).toBe(204);
    expect([person('test.okta')?.desk, person('other.okta')?.desk]).toEqual([undefined, undefined]);
  });
});
