import { type Json, membersOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { governingRoles } from '../rules/governing.ts';
import { broker, exampleKeyPair, venue } from '../testing/example-file.ts';
import { proposer } from '../testing/rig.ts';
import {
  createScimRig,
  fileWithDesks,
  newUser,
  patch,
  principalUrn,
  provisioning,
  provisioningOfVenue,
  type ScimRig,
  scimBase,
  userUrn,
} from './testing/scim-rig.ts';

let rig: ScimRig;
beforeEach(async () => {
  rig = await createScimRig();
});
afterEach(() => rig.close());

const idOf = async (userName: string): Promise<string> => {
  const { resources } = await rig.client.get(`/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`);
  return String(resources[0]?.['id']);
};
const errorOf = ({ status, body }: { status: number; body: object }) => ({ status, ...body });
const person = (id: string) => rig.directory.snapshot().principal(`person:${id}`);

describe('a joining person', () => {
  it('is in the directory with the provisioned values, and without personal details', async () => {
    const created = await rig.client.send('POST', '/Users', {
      schemas: [userUrn, principalUrn],
      userName: 'Carl.Gauss',
      externalId: 'hr-7',
      name: { givenName: 'Carl', familyName: 'Gauss' },
      emails: [{ value: 'carl@broker.example', type: 'work', primary: true }],
      roles: [{ value: 'trader', type: 'x', primary: true }],
      [principalUrn]: {
        desk: 'rates',
        principal: 'person:somebody-else',
        federatedIdentities: [{ issuer: 'https://idp.broker.example', subject: 'u-2001' }],
      },
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      schemas: [userUrn, principalUrn],
      userName: 'carl.gauss',
      externalId: 'hr-7',
      active: true,
      roles: [{ value: 'trader' }],
      groups: [{ display: 'rates', type: 'direct' }],
      [principalUrn]: { principal: 'person:carl.gauss', institution: broker, desk: 'rates' },
      meta: { resourceType: 'User', location: `${scimBase}/Users/${created.id}`, version: created.etag },
    });
    expect(created.headers['location']).toBe(`${scimBase}/Users/${created.id}`);
    expect(created.headers['content-type']).toMatch(/^application\/scim\+json/);
    expect(JSON.stringify(created.body)).not.toMatch(/Gauss|broker\.example|u-2001/);
    expect(person('carl.gauss')).toMatchObject({ desk: 'rates', roles: ['trader'], credentials: [] });
    expect(rig.directory.snapshot().federatedPerson('https://idp.broker.example', 'u-2001')?.id).toBe(
      'person:carl.gauss',
    );
    const { rows } = await rig.scratch
      .pool('directory')
      .query("select document::text as text from entities where id = 'person:carl.gauss'");
    expect(rows[0].text).not.toMatch(/Gauss|carl@/);
    expect(rig.records.at(-1)).toMatchObject({
      type: 'directory.applied',
      subject: { id: 'service:hr', institution: broker },
      data: { changes: [{ change: 'add', kind: 'person', id: 'person:carl.gauss' }] },
    });
  });

  it('written into a file is found too, under one id on every node', async () => {
    const here = await rig.client.get('/Users');
    const there = await rig.clientOf(provisioning, await rig.node()).get('/Users');
    expect(here.resources.map(({ userName }) => userName)).toEqual(['anna.keller', 'ben.ito']);
    expect(there.body).toEqual(here.body);
    await rig.directory.apply(fileWithDesks(), proposer);
    expect((await rig.client.get('/Users')).body).toEqual(here.body);
  });

  it.each([
    ['without a userName', newUser('x', { userName: null }), 'invalidValue'],
    ['under a name that no principal can have', newUser('bjensen@example.com'), 'invalidValue'],
    ['without the schema', { userName: 'x' }, 'invalidSyntax'],
    ['with an unknown schema', { schemas: [userUrn, 'urn:example:other'], userName: 'x' }, 'invalidSyntax'],
    ['with an attribute of no schema', newUser('x', { shoeSize: 42 }), 'invalidSyntax'],
    ['with an attribute that is there twice', newUser('x', { USERNAME: 'y' }), 'invalidSyntax'],
    ['with a password', newUser('x', { password: 't1meMa$heen' }), 'invalidSyntax'],
    ['with a certificate', newUser('x', { x509Certificates: [{ value: 'MIID' }] }), 'invalidSyntax'],
    [
      'with an approval key',
      newUser('x', { credentials: [{ use: 'approval', jwk: exampleKeyPair().publicJwk }] }),
      'invalidSyntax',
    ],
    ['active in words', newUser('x', { active: 'yes' }), 'invalidValue'],
    ['with a role that is a text', newUser('x', { roles: ['trader'] }), 'invalidValue'],
    ['with a role that is not one', newUser('x', { roles: [{ value: 'trader', salary: 1 }] }), 'invalidValue'],
    ['at a desk that does not exist', newUser('x', { [principalUrn]: { desk: 'rate' } }), 'invalidValue'],
    ['with control characters', newUser('x', { externalId: 'a\u0000b' }), 'invalidValue'],
    ['as a list', [], 'invalidSyntax'],
    ['as no JSON', '{', 'invalidSyntax'],
    ['with one key twice', '{"schemas":[],"schemas":[]}', 'invalidSyntax'],
    ['as __proto__', '{"__proto__":{"userName":"x"}}', 'invalidSyntax'],
  ])('is refused %s', async (_, body, scimType) => {
    const refused = await rig.client.send('POST', '/Users', body);
    expect(errorOf(refused)).toMatchObject({
      status: '400',
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      scimType,
    });
    expect(refused.status).toBe(400);
    expect(refused.headers['content-type']).toMatch(/^application\/scim\+json/);
    expect(person('x')).toBeUndefined();
  });

  it('is refused under a name in use at any institution, and the refusal is recorded', async () => {
    const hr = rig.clientOf(provisioningOfVenue);
    for (const client of [rig.client, hr]) {
      const refused = await client.send('POST', '/Users', newUser('ANNA.keller', { roles: [] }));
      expect(errorOf(refused)).toMatchObject({ status: '409', scimType: 'uniqueness' });
    }
    expect(person('anna.keller')).toMatchObject({ institution: broker, roles: ['trader'] });
    expect(rig.records.at(-1)).toMatchObject({
      type: 'access.refused',
      outcome: 'deny',
      reason: 'scim_name_taken',
      subject: { id: 'service:venue-hr', institution: venue },
    });
  });

  it('is refused with somebody else’s account', async () => {
    const refused = await rig.client.send(
      'POST',
      '/Users',
      newUser('eve', {
        [principalUrn]: { federatedIdentities: [{ issuer: 'https://idp.broker.example', subject: 'u-1002' }] },
      }),
    );
    expect(errorOf(refused)).toMatchObject({ status: '409', scimType: 'uniqueness' });
    expect(JSON.stringify(refused.body)).not.toContain('u-1002');
  });
});

describe('a role that commits the institution', () => {
  it.each([...governingRoles])('%s is refused, and the refusal recorded', async (role) => {
    const asked = [
      await rig.client.send('POST', '/Users', newUser('eve', { roles: [{ value: role }] })),
      await rig.client.send(
        'PATCH',
        `/Users/${await idOf('anna.keller')}`,
        patch({ op: 'add', path: 'roles', value: [{ value: role }] }),
      ),
      await rig.client.send(
        'PUT',
        `/Users/${await idOf('anna.keller')}`,
        newUser('anna.keller', { roles: [{ value: 'trader' }, { value: role }] }),
      ),
    ];
    expect(asked.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(person('eve')).toBeUndefined();
    expect(person('anna.keller')?.roles).toEqual(['trader']);
    expect(rig.records.slice(-3).map(({ type, reason }) => `${type} ${reason}`)).toEqual(
      Array.from({ length: 3 }, () => 'access.refused scim_role_not_assignable'),
    );
  });

  it('is kept through other changes, can be removed, and cannot be given back', async () => {
    const url = `/Users/${await idOf('ben.ito')}`;
    const change = (path: string, value: string) =>
      rig.client.send('PATCH', url, patch({ op: 'replace', path, value }));
    expect((await change('displayName', 'Ben')).status).toBe(200);
    // The desk decides whose approvals count, so the move needs two people.
    expect((await change(`${principalUrn}:desk`, 'credit')).status).toBe(403);
    expect(person('ben.ito')).toMatchObject({ desk: 'rates', roles: ['signatory', 'supervisor'] });
    expect(person('ben.ito')).toHaveProperty('credentials.length', 1);
    await rig.client.send('PATCH', url, patch({ op: 'remove', path: 'roles[value eq "signatory"]' }));
    expect(person('ben.ito')?.roles).toEqual(['supervisor']);
    const back = await rig.client.send(
      'PATCH',
      url,
      patch({ op: 'add', path: 'roles', value: [{ value: 'signatory' }] }),
    );
    expect(back.status).toBe(403);
  });

  it('does not come back by reactivating its holder', async () => {
    const url = `/Users/${await idOf('ben.ito')}`;
    const set = (active: boolean) =>
      rig.client.send('PATCH', url, patch({ op: 'replace', path: 'active', value: active }));
    expect((await set(false)).body['active']).toBe(false);
    expect((await set(true)).status).toBe(403);
    expect(rig.records.at(-1)).toMatchObject({ reason: 'scim_role_not_assignable' });
  });

  it('protects how its holder signs in', async () => {
    const eve = [{ issuer: 'https://idp.broker.example', subject: 'eve' }];
    const add = { op: 'add', value: { [principalUrn]: { federatedIdentities: eve } } };
    const refused = await rig.client.send('PATCH', `/Users/${await idOf('ben.ito')}`, patch(add));
    expect(refused.status).toBe(403);
    expect(rig.records.at(-1)).toMatchObject({ type: 'access.refused', reason: 'scim_identity_protected' });
    expect((await rig.client.send('PATCH', `/Users/${await idOf('anna.keller')}`, patch(add))).status).toBe(200);
    expect(rig.directory.snapshot().federatedPerson('https://idp.broker.example', 'eve')?.id).toBe(
      'person:anna.keller',
    );
  });

  it('is defined by the configuration', async () => {
    const app = await rig.node({ assignableRoles: ['compliance'] });
    const client = rig.clientOf(provisioning, app);
    const create = (userName: string, role: string) =>
      client.send('POST', '/Users', newUser(userName, { roles: [{ value: role }] }));
    expect((await create('eve', 'trader')).status).toBe(403);
    expect((await create('eve', 'compliance')).status).toBe(201);
  });
});

describe('a leaving person', () => {
  it('is removed everywhere, and their name is never reused', async () => {
    const id = await idOf('anna.keller');
    const { etag } = await rig.client.get(`/Users/${id}`);
    expect((await rig.client.send('DELETE', `/Users/${id}`, undefined, { 'if-match': etag })).status).toBe(204);
    expect(person('anna.keller')).toBeUndefined();
    for (const answer of [
      await rig.client.get(`/Users/${id}`),
      await rig.client.send('PUT', `/Users/${id}`, newUser('anna.keller')),
      await rig.client.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'active', value: true })),
      await rig.client.send('DELETE', `/Users/${id}`),
    ])
      expect(errorOf(answer)).toMatchObject({ status: '404' });
    expect((await rig.client.get('/Users')).resources.map(({ userName }) => userName)).toEqual(['ben.ito']);
    for (const name of ['anna.keller', 'Anna.Keller']) {
      const again = await rig.client.send('POST', '/Users', newUser(name));
      expect(errorOf(again)).toMatchObject({ status: '409', scimType: 'uniqueness' });
    }
    expect(person('anna.keller')).toBeUndefined();
    expect((await rig.client.send('POST', '/Users', newUser('anna.keller2'))).status).toBe(201);
  });

  it('departs, like a person who is deactivated or moves', async () => {
    const anna = `/Users/${await idOf('anna.keller')}`;
    await rig.client.send('PATCH', anna, patch({ op: 'replace', path: `${principalUrn}:desk`, value: 'credit' }));
    await rig.client.send('PATCH', anna, patch({ op: 'replace', value: { active: false } }));
    await rig.client.send('DELETE', `/Users/${await idOf('ben.ito')}`);
    const departures = await rig.directory.departures();
    expect(departures.map(({ kind, principal }) => `${kind} ${principal}`).sort()).toEqual([
      'leave person:anna.keller',
      'leave person:ben.ito',
      'move person:anna.keller',
    ]);
    expect(person('anna.keller')).toBeUndefined();
  });
});

describe('a User whose active attribute is removed', () => {
  it.each<readonly [string, Json]>([
    ['removed', patch({ op: 'remove', path: 'active' })],
    ['replaced by null', patch({ op: 'replace', value: { active: null } })],
    ['replaced by "False"', patch({ op: 'Replace', path: 'active', value: 'False' })],
    ['null in a PUT', newUser('anna.keller', { active: null })],
    ['"false" in a PUT', newUser('anna.keller', { active: 'false' })],
  ])('is not active when it is %s', async (_, body) => {
    const method = JSON.stringify(body).includes('PatchOp') ? 'PATCH' : 'PUT';
    const answer = await rig.client.send(method, `/Users/${await idOf('anna.keller')}`, body);
    expect({ code: answer.status, ...answer.body }).toMatchObject({ code: 200, active: false });
    expect(person('anna.keller')).toBeUndefined();
    expect(await rig.directory.departures()).toMatchObject([{ kind: 'leave', principal: 'person:anna.keller' }]);
  });

  it('is active again by "True", with the roles that may be given', async () => {
    const url = `/Users/${await idOf('anna.keller')}`;
    await rig.client.send('PATCH', url, patch({ op: 'remove', path: 'active' }));
    const back = await rig.client.send('PATCH', url, patch({ op: 'Replace', path: 'active', value: 'True' }));
    expect(back.body).toMatchObject({ active: true, roles: [{ value: 'trader' }] });
  });
});

describe('/Me', () => {
  it('is the User of the token, at its own address', async () => {
    const anna = rig.clientOf(`DPoP person:anna.keller ${broker} identity:read identity:provision`);
    const id = await idOf('anna.keller');
    const me = await anna.get('/Me?attributes=userName');
    expect(me.status).toBe(200);
    expect(me.body).toEqual({ schemas: expect.anything(), id, userName: 'anna.keller' });
    expect(me.headers).toMatchObject({ location: `${scimBase}/Users/${id}`, etag: me.etag });
    expect((await anna.get('/Me', { 'if-none-match': me.etag })).status).toBe(304);
  });

  it('does not exist for software, for unknown people, and for a person under another institution', async () => {
    const nobody = [
      rig.client,
      rig.clientOf(`DPoP person:eve ${broker} identity:read`),
      rig.clientOf(`DPoP person:anna.keller ${venue} identity:read`),
      rig.clientOf(`DPoP service:anna.keller ${broker} identity:read`),
    ];
    for (const client of nobody) expect((await client.get('/Me')).body).toMatchObject({ status: '404' });
    expect((await rig.clientOf('').get('/Me')).status).toBe(401);
    expect((await rig.clientOf(`DPoP person:anna.keller ${broker} identity:provision`).get('/Me')).status).toBe(403);
  });

  it('does not let anybody provision themselves', async () => {
    const anna = rig.clientOf(`DPoP person:anna.keller ${broker} identity:read identity:provision`);
    const answers = [
      await anna.send('PATCH', '/Me', patch({ op: 'add', path: 'roles', value: [{ value: 'sales' }] })),
      await anna.send('PUT', '/Me', newUser('anna.keller', { roles: [{ value: 'sales' }] })),
      await anna.send('DELETE', '/Me'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(rig.records.slice(-3).map(({ reason }) => reason)).toEqual(Array(3).fill('scim_self_change'));
    expect(person('anna.keller')?.roles).toEqual(['trader']);
  });
});

describe('access control', () => {
  it('shows nothing without a token, and refuses changes with a read-only scope', async () => {
    const anonymous = await rig.clientOf('').get('/Users');
    expect(errorOf(anonymous)).toMatchObject({
      status: '401',
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    });
    expect(anonymous.headers['www-authenticate']).toMatch(/^DPoP/);
    const reader = rig.clientOf(`DPoP service:reader ${broker} identity:read`);
    expect((await reader.get('/Users')).status).toBe(200);
    const url = `/Users/${await idOf('anna.keller')}`;
    for (const answer of [
      await reader.send('POST', '/Users', newUser('eve')),
      await reader.send('PUT', url, newUser('anna.keller')),
      await reader.send('PATCH', url, patch({ op: 'remove', path: 'roles' })),
      await reader.send('DELETE', url),
    ])
      expect(errorOf(answer)).toMatchObject({ status: '403' });
    const writer = rig.clientOf(`DPoP service:writer ${broker} identity:provision`);
    expect((await writer.get('/Users')).status).toBe(403);
  });

  it('hides other institutions’ people', async () => {
    const anna = `/Users/${await idOf('anna.keller')}`;
    const group = `/Groups/${String((await rig.client.get('/Groups')).resources[0]?.['id'])}`;
    const hr = rig.clientOf(provisioningOfVenue);
    const answers = [
      await hr.get(anna),
      await hr.get(group),
      await hr.send('PUT', anna, newUser('anna.keller')),
      await hr.send('PATCH', anna, patch({ op: 'remove', path: 'roles' })),
      await hr.send('PATCH', group, patch({ op: 'remove', path: 'members' })),
      await hr.send('DELETE', anna),
    ];
    const nowhere = await hr.get('/Users/2819c223-7f76-453a-919d-413861904646');
    for (const { status, body } of answers) {
      expect(status).toBe(404);
      expect(body).toEqual(nowhere.body);
    }
    expect((await hr.get('/Users')).resources).toEqual([]);
    expect((await hr.get('/Groups')).resources).toEqual([]);
    expect(person('anna.keller')?.roles).toEqual(['trader']);
  });

  it('keeps everybody from provisioning themselves', async () => {
    const anna = rig.clientOf(`DPoP person:anna.keller ${broker} identity:read identity:provision`);
    const url = `/Users/${await idOf('anna.keller')}`;
    const answers = [
      await anna.send('PATCH', url, patch({ op: 'add', path: 'roles', value: [{ value: 'supervisor' }] })),
      await anna.send('DELETE', url),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(rig.records.slice(-2).map(({ reason }) => reason)).toEqual(['scim_self_change', 'scim_self_change']);
    expect(person('anna.keller')?.roles).toEqual(['trader']);
  });
});

describe('a User replaced by PUT', () => {
  it('keeps what is not asserted, and loses roles, desk and external id that are left out', async () => {
    const url = `/Users/${await idOf('anna.keller')}`;
    await rig.client.send('PATCH', url, patch({ op: 'add', value: { externalId: 'hr-1' } }));
    const kept = await rig.client.send('PUT', url, newUser('Anna.Keller', { roles: [{ value: 'trader' }] }));
    expect(kept.body).toMatchObject({ active: true, roles: [{ value: 'trader' }], [principalUrn]: { desk: 'rates' } });
    expect(kept.body).not.toHaveProperty('externalId');
    const bare = await rig.client.send('PUT', url, newUser('anna.keller', { [principalUrn]: {} }));
    expect(bare.body).not.toHaveProperty('roles');
    expect(membersOf(bare.body[principalUrn])).not.toHaveProperty('desk');
    expect(rig.directory.snapshot().federatedPerson('https://idp.broker.example', 'u-1001')?.id).toBe(
      'person:anna.keller',
    );
  });

  it('is unchanged when the read document is sent back', async () => {
    const url = `/Users/${await idOf('ben.ito')}`;
    const before = await rig.client.get(url);
    const version = rig.directory.snapshot().version;
    const after = await rig.client.send('PUT', url, before.body);
    expect(after.status).toBe(200);
    expect(after.body).toEqual(before.body);
    expect(rig.directory.snapshot().version).toBe(version);
  });

  it('cannot be renamed', async () => {
    const url = `/Users/${await idOf('anna.keller')}`;
    expect(errorOf(await rig.client.send('PUT', url, newUser('anna.k')))).toMatchObject({
      status: '400',
      scimType: 'mutability',
    });
  });
});
