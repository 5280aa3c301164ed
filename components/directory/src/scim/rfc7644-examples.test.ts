import { type Json, membersOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScimRig, newUser, patch, principalUrn, type ScimRig, scimBase } from './testing/scim-rig.ts';

// The example requests of RFC 7644, section by section, in its wire form. If an example changes attributes that are not stored
// here (emails, addresses), it is accepted and changes nothing; the same form then changes a stored attribute.

let rig: ScimRig;
let bjensen: string;
let jsmith: string;
let group: string;
beforeEach(async () => {
  rig = await createScimRig();
  bjensen = (await rig.client.send('POST', '/Users', createBody)).id;
  jsmith = (await rig.client.send('POST', '/Users', newUser('jsmith'))).id;
  const groups = await rig.client.get('/Groups?filter=displayName eq "credit"');
  group = String(groups.resources[0]?.['id']);
});
afterEach(() => rig.close());

/** Section 3.3, verbatim. */
const createBody = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName: 'bjensen',
  externalId: 'bjensen',
  name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara' },
};
const valuesOf = (json: Json | undefined): readonly Json[] =>
  Array.isArray(json) ? json.map((item: Json) => membersOf(item)?.['value'] ?? null) : [];
const userNamesOf = (resources: readonly { readonly [name: string]: Json }[]) =>
  resources.map(({ userName }) => userName);

describe('section 3.3, creating resources', () => {
  it('answers 201 with the address, the version and the resource', async () => {
    const created = await rig.client.send('POST', '/Users', { ...createBody, userName: 'bjensen2' });
    expect(created.status).toBe(201);
    expect(created.headers).toMatchObject({ location: `${scimBase}/Users/${created.id}`, etag: created.etag });
    expect(created.body).toMatchObject({
      schemas: expect.arrayContaining(['urn:ietf:params:scim:schemas:core:2.0:User']),
      externalId: 'bjensen',
      meta: { resourceType: 'User', location: `${scimBase}/Users/${created.id}`, version: created.etag },
      userName: 'bjensen2',
    });
    expect(created.body['meta']).toHaveProperty('created', membersOf(created.body['meta'])?.['lastModified']);
  });

  it('answers 409 and uniqueness for a userName that is in use', async () => {
    const { status, body } = await rig.client.send('POST', '/Users', createBody);
    expect({ status, ...body }).toMatchObject({ status: '409', scimType: 'uniqueness' });
  });

  it('ignores what is read-only', async () => {
    const id = '2819c223-7f76-453a-919d-413861904646';
    const meta = { created: '1990-01-01T00:00:00Z' };
    const created = await rig.client.send('POST', '/Users', newUser('x', { id, meta, groups: [{ value: group }] }));
    expect(created.status).toBe(201);
    expect(created.id).not.toBe(id);
    expect(created.body).not.toHaveProperty('groups');
  });
});

describe('section 3.4, retrieving resources', () => {
  it.each<readonly [string, readonly string[]]>([
    ['userName Eq "bjensen"', ['bjensen']],
    ['userName eq "BJENSEN"', ['bjensen']],
    [`name.familyName co "O'Malley"`, []],
    ['userName sw "J"', ['jsmith']],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"', ['jsmith']],
    ['title pr', []],
    ['meta.lastModified gt "2011-05-13T04:42:34Z"', ['anna.keller', 'ben.ito', 'bjensen', 'jsmith']],
    ['meta.lastModified ge "2011-05-13T04:42:34Z"', ['anna.keller', 'ben.ito', 'bjensen', 'jsmith']],
    ['meta.lastModified lt "2011-05-13T04:42:34Z"', []],
    ['meta.lastModified le "2011-05-13T04:42:34Z"', []],
    ['title pr and userType eq "Employee"', []],
    ['title pr or userType eq "Intern"', []],
    ['schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"', []],
    [`schemas eq "${principalUrn}"`, ['anna.keller', 'ben.ito', 'bjensen', 'jsmith']],
    ['userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")', []],
    [
      'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
      ['anna.keller', 'ben.ito', 'bjensen', 'jsmith'],
    ],
    ['userType eq "Employee" and (emails.type eq "work")', []],
    ['userType eq "Employee" and emails[type eq "work" and value co "@example.com"]', []],
    ['emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]', []],
    ['roles[value eq "trader" or value eq "supervisor"]', ['anna.keller', 'ben.ito']],
    ['roles co "super"', ['ben.ito']],
    ['not (roles pr)', ['bjensen', 'jsmith']],
    [`${principalUrn}:desk eq "rates" and roles.value ne "trader"`, ['ben.ito']],
    ['externalId eq null', ['anna.keller', 'ben.ito', 'jsmith']],
    ['active eq false', []],
    ['active eq true and userName gt "bjensen"', ['jsmith']],
  ])('filters by %s (section 3.4.2.2)', async (filter, userNames) => {
    const found = await rig.client.get(`/Users?filter=${encodeURIComponent(filter)}`);
    expect(found.status).toBe(200);
    expect(userNamesOf(found.resources)).toEqual(userNames);
    expect(found.body).toMatchObject({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: userNames.length,
      startIndex: 1,
      itemsPerPage: userNames.length,
    });
  });

  it('sorts (section 3.4.2.3), with missing values last, and first when descending', async () => {
    const sorted = async (query: string) => userNamesOf((await rig.client.get(`/Users?${query}`)).resources);
    expect(await sorted('sortBy=userName&sortOrder=descending')).toEqual([
      'jsmith',
      'bjensen',
      'ben.ito',
      'anna.keller',
    ]);
    expect(await sorted('sortBy=externalId')).toEqual(['bjensen', 'anna.keller', 'ben.ito', 'jsmith']);
    expect(await sorted('sortBy=roles&sortOrder=descending')).toEqual(['bjensen', 'jsmith', 'anna.keller', 'ben.ito']);
    expect((await rig.client.get('/Users?sortBy=shoeSize')).body).toMatchObject({ scimType: 'invalidPath' });
  });

  it('pages (section 3.4.2.4)', async () => {
    const page = await rig.client.get('/Users?startIndex=2&count=2');
    expect(page.body).toMatchObject({ totalResults: 4, itemsPerPage: 2, startIndex: 2 });
    expect(userNamesOf(page.resources)).toEqual(['ben.ito', 'bjensen']);
    expect((await rig.client.get('/Users?startIndex=-5&count=-1')).body).toMatchObject({
      totalResults: 4,
      startIndex: 1,
      itemsPerPage: 0,
      Resources: [],
    });
    expect((await rig.client.get('/Users?startIndex=9&count=900')).body).toMatchObject({
      totalResults: 4,
      Resources: [],
    });
  });

  it('searches by POST among all types (section 3.4.3)', async () => {
    const found = await rig.client.send('POST', '/.search', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
      attributes: ['displayName', 'userName'],
      filter: 'displayName sw "cred" or userName sw "js"',
      startIndex: 1,
      count: 10,
    });
    expect(found.body).toMatchObject({ totalResults: 2, itemsPerPage: 2 });
    expect(found.resources).toEqual([
      { schemas: expect.anything(), id: jsmith, userName: 'jsmith' },
      { schemas: expect.anything(), id: group, displayName: 'credit' },
    ]);
  });
});

describe('section 3.5.1, replacing with PUT', () => {
  it('answers 200 with the whole resource and its new version', async () => {
    const { etag } = await rig.client.get(`/Users/${bjensen}`);
    const replaced = await rig.client.send(
      'PUT',
      `/Users/${bjensen}`,
      {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        id: bjensen,
        userName: 'bjensen',
        externalId: 'bjensen-2',
        name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara', middleName: 'Jane' },
        roles: [],
        emails: [{ value: 'bjensen@example.com' }, { value: 'babs@jensen.org' }],
      },
      { 'if-match': etag },
    );
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ id: bjensen, userName: 'bjensen', externalId: 'bjensen-2' });
    expect(replaced.etag).not.toBe(etag);
  });
});

describe('section 3.5.2, modifying with PATCH', () => {
  const userOf = async (id: string) => (await rig.client.get(`/Users/${id}`)).body;
  const member = (id: string) => ({ display: 'Babs Jensen', $ref: `${scimBase}/Users/${id}`, value: id });
  const patchGroup = async (...operations: readonly Readonly<Record<string, Json>>[]) => {
    const { etag } = await rig.client.get(`/Groups/${group}`);
    const answer = await rig.client.send('PATCH', `/Groups/${group}`, patch(...operations), { 'if-match': etag });
    expect(answer.status).toBe(200);
    return { members: valuesOf(answer.body['members']), changed: answer.etag !== etag };
  };

  it('adds a member, and changes nothing if they already are one (3.5.2.1)', async () => {
    const add = { op: 'add', path: 'members', value: [member(bjensen)] };
    expect(await patchGroup(add)).toEqual({ members: [bjensen], changed: true });
    expect(await patchGroup(add)).toEqual({ members: [bjensen], changed: false });
    expect(await userOf(bjensen)).toMatchObject({ groups: [{ value: group, display: 'credit' }] });
  });

  it('adds attributes without a path (3.5.2.1)', async () => {
    const before = await rig.client.get(`/Users/${bjensen}`);
    const unkept = await rig.client.send(
      'PATCH',
      `/Users/${bjensen}`,
      patch({ op: 'add', value: { emails: [{ value: 'babs@jensen.org', type: 'home' }], nickname: 'Babs' } }),
    );
    expect(unkept.body).toEqual(before.body);
    const kept = await rig.client.send(
      'PATCH',
      `/Users/${bjensen}`,
      patch({ op: 'add', value: { roles: [{ value: 'trader', type: 'home' }], externalid: 'Babs' } }),
    );
    expect(kept.body).toMatchObject({ roles: [{ value: 'trader' }], externalId: 'Babs' });
  });

  it('removes a member, all members, and one while another is added (3.5.2.2)', async () => {
    await patchGroup({ op: 'add', path: 'members', value: [member(bjensen)] });
    const remove = { op: 'remove', path: `members[value eq "${bjensen}"]` };
    expect(await patchGroup(remove)).toEqual({ members: [], changed: true });
    expect(await patchGroup(remove)).toEqual({ members: [], changed: false });
    await patchGroup({ op: 'add', path: 'members', value: [member(bjensen), member(jsmith)] });
    expect((await patchGroup({ op: 'remove', path: 'members' })).members).toEqual([]);
    await patchGroup({ op: 'add', path: 'members', value: [member(bjensen)] });
    // The space before the quote is missing in the specification too.
    const swap = await patchGroup(
      { op: 'remove', path: `members[value eq"${bjensen}"]` },
      { op: 'add', path: 'members', value: [member(jsmith)] },
    );
    expect(swap.members).toEqual([jsmith]);
  });

  it('removes values of a complex attribute by their parts (3.5.2.2)', async () => {
    const before = await userOf(bjensen);
    const unkept = await rig.client.send(
      'PATCH',
      `/Users/${bjensen}`,
      patch({ op: 'remove', path: 'emails[type eq "work" and value ew "example.com"]' }),
    );
    expect(unkept.body).toEqual(before);
    await rig.client.send(
      'PATCH',
      `/Users/${bjensen}`,
      patch({ op: 'add', path: 'roles', value: [{ value: 'trader' }, { value: 'auditor' }, { value: 'sales' }] }),
    );
    await rig.client.send(
      'PATCH',
      `/Users/${bjensen}`,
      patch({ op: 'remove', path: 'roles[value ew "er" or value sw "sal"]' }),
    );
    expect(valuesOf((await userOf(bjensen))['roles'])).toEqual(['auditor']);
  });

  it('replaces all members (3.5.2.2 and 3.5.2.3)', async () => {
    await patchGroup({ op: 'add', path: 'members', value: [member(bjensen)] });
    const removed = await patchGroup(
      { op: 'remove', path: 'members' },
      { op: 'add', path: 'members', value: [member(bjensen), member(jsmith)] },
    );
    expect(removed.members).toEqual([bjensen, jsmith]);
    expect((await patchGroup({ op: 'replace', path: 'members', value: [member(jsmith)] })).members).toEqual([jsmith]);
  });

  it('replaces values that a filter selects, and parts of them (3.5.2.3)', async () => {
    const before = await userOf(bjensen);
    for (const operation of [
      {
        op: 'replace',
        path: 'addresses[type eq "work"]',
        value: { type: 'work', locality: 'Hollywood', primary: true },
      },
      { op: 'replace', path: 'addresses[type eq "work"].streetAddress', value: '1010 Broadway Ave' },
    ])
      expect((await rig.client.send('PATCH', `/Users/${bjensen}`, patch(operation))).body).toEqual(before);
    const roles = { op: 'add', path: 'roles', value: [{ value: 'trader' }, { value: 'sales' }] };
    await rig.client.send('PATCH', `/Users/${bjensen}`, patch(roles));
    const whole = { op: 'replace', path: 'roles[value eq "sales"]', value: { value: 'auditor', primary: true } };
    const part = { op: 'replace', path: 'roles[value eq "trader"].value', value: 'sales' };
    await rig.client.send('PATCH', `/Users/${bjensen}`, patch(whole, part));
    expect([...valuesOf((await userOf(bjensen))['roles'])].sort()).toEqual(['auditor', 'sales']);
    const { body } = await rig.client.send('PATCH', `/Users/${bjensen}`, patch(part));
    expect(body).toMatchObject({ status: '400', scimType: 'noTarget' });
  });

  it('replaces attributes without a path, and leaves the others (3.5.2.3)', async () => {
    const replaced = await rig.client.send(
      'PATCH',
      `/Users/${bjensen}`,
      patch({ op: 'replace', value: { roles: [{ value: 'sales' }], nickname: 'Babs', active: false } }),
    );
    expect(replaced.body).toMatchObject({ roles: [{ value: 'sales' }], active: false, externalId: 'bjensen' });
  });

  it.each<readonly [string, Record<string, Json>, string]>([
    ['a remove without a path', { op: 'remove' }, 'noTarget'],
    ['an operation that does not exist', { op: 'test', path: 'active' }, 'invalidSyntax'],
    ['an add without a value', { op: 'add', path: 'roles' }, 'invalidSyntax'],
    ['an invalid path', { op: 'add', path: 'roles[', value: 1 }, 'invalidPath'],
    ['an attribute that does not exist', { op: 'add', path: 'shoeSize', value: 1 }, 'invalidPath'],
    ['an attribute that does not exist, in the value', { op: 'add', value: { shoeSize: 1 } }, 'invalidPath'],
    ['a password', { op: 'replace', path: 'password', value: 'x' }, 'invalidPath'],
    ['an invalid filter', { op: 'remove', path: 'roles[value eq]' }, 'invalidFilter'],
    ['a filter where nothing can be selected', { op: 'remove', path: 'externalId[value eq "x"]' }, 'invalidPath'],
    ['the id', { op: 'replace', path: 'id', value: 'x' }, 'mutability'],
    ['meta', { op: 'replace', path: 'meta.created', value: 'x' }, 'mutability'],
    ['groups, which follow from the desk', { op: 'add', path: 'groups', value: [{ value: 'x' }] }, 'mutability'],
    ['userName', { op: 'replace', path: 'userName', value: 'babs' }, 'mutability'],
    ['removing userName', { op: 'remove', path: 'userName' }, 'mutability'],
    ['a value of another type', { op: 'replace', path: 'active', value: 'no' }, 'invalidValue'],
    ['half of a value', { op: 'add', path: 'roles', value: [{ type: 'x' }] }, 'invalidValue'],
  ])('refuses %s, and applies nothing of the request', async (_, operation, scimType) => {
    const first = { op: 'replace', path: 'externalId', value: 'changed' };
    const refused = await rig.client.send('PATCH', `/Users/${bjensen}`, patch(first, operation));
    expect(refused.body).toMatchObject({ status: '400', scimType });
    expect(await userOf(bjensen)).toMatchObject({ externalId: 'bjensen' });
  });

  it('accepts the syntax of large provisioning systems', async () => {
    const user = `/Users/${bjensen}`;
    const roles = [{ value: 'trader' }, { value: 'sales' }];
    await rig.client.send('PATCH', user, patch({ op: 'Add', path: 'roles', value: roles }));
    await rig.client.send('PATCH', user, patch({ op: 'Replace', path: 'active', value: false }));
    const removed = await rig.client.send(
      'PATCH',
      user,
      patch({ op: 'Remove', path: 'roles', value: [{ value: 'trader' }] }),
    );
    expect(removed.body).toMatchObject({ active: false, roles: [{ value: 'sales' }] });
  });
});

describe('sections 3.6 to 3.12', () => {
  it('delete a resource that still matches If-Match', async () => {
    const stale = { 'if-match': 'W/"c310cd84f0281b7"' };
    const refused = await rig.client.send('DELETE', `/Users/${bjensen}`, undefined, stale);
    expect({ code: refused.status, ...refused.body }).toMatchObject({ code: 412, status: '412' });
    const { etag } = await rig.client.get(`/Users/${bjensen}`);
    const deleted = await rig.client.send('DELETE', `/Users/${bjensen}`, undefined, { 'if-match': etag });
    expect(deleted.status).toBe(204);
    expect((await rig.client.get(`/Users/${bjensen}`)).body).toMatchObject({ status: '404' });
  });

  it('answer 405 for an unsupported method, and 404 for an unknown resource (3.12)', async () => {
    const answers: readonly (readonly [string, string, string])[] = [
      ['PUT', '/Users', 'GET, HEAD, POST'],
      ['POST', `/Users/${bjensen}`, 'DELETE, GET, HEAD, PATCH, PUT'],
      ['GET', '/Users/.search', 'POST'],
      ['DELETE', '/Groups', 'GET, HEAD, POST'],
      ['GET', '/Bulk', 'POST'],
      ['POST', '/Me', 'DELETE, GET, HEAD, PATCH, PUT'],
      ['PATCH', '/ServiceProviderConfig', 'GET, HEAD'],
      ['POST', '/Schemas', 'GET, HEAD'],
      ['DELETE', '/ResourceTypes/User', 'GET, HEAD'],
    ];
    for (const [method, url, allow] of answers) {
      const answer =
        method === 'GET' ? await rig.client.get(url) : await rig.client.send(method as 'PUT', url, 'not json');
      expect({ code: answer.status, allow: answer.headers['allow'], ...answer.body }, `${method} ${url}`).toMatchObject(
        {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
          code: 405,
          status: '405',
          allow,
        },
      );
    }
    for (const url of ['/Nothing', '/Users/1', '/Users/%00', '/'])
      expect((await rig.client.get(url)).body).toMatchObject({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
        status: '404',
      });
  });

  it('show the requested attributes, and leave out excluded ones (3.9)', async () => {
    const get = async (query: string) => (await rig.client.get(`/Users/${bjensen}?${query}`)).body;
    const always = { schemas: expect.anything(), id: bjensen };
    expect(await get('attributes=userName')).toEqual({ ...always, userName: 'bjensen' });
    expect(await get(`attributes=meta.version,${principalUrn}:institution,shoeSize`)).toEqual({
      ...always,
      meta: { version: expect.any(String) },
      [principalUrn]: { institution: expect.any(String) },
    });
    expect(await get(`excludedAttributes=meta,id,schemas,${principalUrn},externalId`)).toEqual({
      ...always,
      userName: 'bjensen',
      active: true,
    });
    expect(await get(`attributes=${principalUrn}:federatedIdentities`)).toEqual(always);
    expect((await rig.client.get('/Users?atributes=userName')).body).toMatchObject({ status: '400' });
  });

  it('refuse a body of another type', async () => {
    const answer = await rig.client.send('POST', '/Users', 'userName=x', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect({ code: answer.status, ...answer.body }).toMatchObject({ code: 415, status: '415' });
  });
});

describe('section 3.14, versioning resources', () => {
  it('answers 304 when nothing has changed', async () => {
    const { etag } = await rig.client.get(`/Users/${bjensen}`);
    const known = await rig.client.get(`/Users/${bjensen}`, { 'if-none-match': etag });
    expect(known.status).toBe(304);
    expect(known.etag).toBe(etag);
    await rig.client.send('PATCH', `/Users/${bjensen}`, patch({ op: 'remove', path: 'externalId' }));
    expect((await rig.client.get(`/Users/${bjensen}`, { 'if-none-match': etag })).status).toBe(200);
  });
});
