import { type Json, membersOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker } from '../../testing/example-file.ts';
import { createScimRig, groupUrn, newUser, patch, type ScimRig, scimBase } from '../testing/scim-rig.ts';
import { bulkRequestUrn } from './read-bulk.ts';

let rig: ScimRig;
beforeEach(async () => {
  rig = await createScimRig();
});
afterEach(() => rig.close());

type Document = Readonly<Record<string, Json>>;
const bulk = (operations: readonly Json[], members: Document = {}, client = rig.client) =>
  client.send('POST', '/Bulk', { schemas: [bulkRequestUrn], Operations: operations, ...members });
const join = (userName: string, members: Document = {}): Document => ({
  method: 'POST',
  path: '/Users',
  bulkId: userName,
  data: newUser(userName, members),
});
const desk = (displayName: string, members: readonly Json[]): Document => ({
  method: 'POST',
  path: '/Groups',
  bulkId: displayName,
  data: { schemas: [groupUrn], displayName, members },
});
const resultsOf = (body: Document): readonly Document[] =>
  (body['Operations'] as readonly Json[]).map((each) => membersOf(each) ?? {});
const statusesOf = (body: Document) => resultsOf(body).map(({ status }) => status);
const person = (name: string) => rig.directory.snapshot().principal(`person:${name}`);
const idOf = async (userName: string): Promise<string> =>
  String((await rig.client.get(`/Users?filter=userName eq "${userName}"`)).resources[0]?.['id']);

describe('a bulk request (RFC 7644 section 3.7)', () => {
  it('is answered with the result of each operation, as a single request would have been', async () => {
    const anna = await idOf('anna.keller');
    const { etag } = await rig.client.get(`/Users/${anna}`);
    const answer = await bulk([
      join('alice', { externalId: 'a-1' }),
      {
        method: 'PATCH',
        path: `/Users/${anna}`,
        version: etag,
        data: patch({ op: 'Add', path: 'roles', value: [{ value: 'sales' }] }),
      },
      { method: 'PUT', path: `/Users/${anna}`, version: 'W/"stale"', data: newUser('anna.keller') },
      { method: 'DELETE', path: '/Users/2819c223-7f76-453a-919d-413861904646' },
      { method: 'POST', path: '/Users', bulkId: 'again', data: newUser('anna.keller') },
      { method: 'DELETE', path: `/Users/${anna}` },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/scim\+json/);
    expect(answer.body['schemas']).toEqual(['urn:ietf:params:scim:api:messages:2.0:BulkResponse']);
    const alice = await rig.client.get('/Users?filter=externalId eq "a-1"');
    const { id, meta } = alice.resources[0] ?? {};
    expect(resultsOf(answer.body)).toEqual([
      {
        method: 'POST',
        bulkId: 'alice',
        location: `${scimBase}/Users/${id}`,
        version: membersOf(meta)?.['version'],
        status: '201',
      },
      { method: 'PATCH', location: `${scimBase}/Users/${anna}`, version: expect.stringMatching(/^W\//), status: '200' },
      {
        method: 'PUT',
        location: `${scimBase}/Users/${anna}`,
        status: '412',
        response: expect.objectContaining({ status: '412' }),
      },
      expect.objectContaining({
        method: 'DELETE',
        status: '404',
        response: expect.objectContaining({ status: '404' }),
      }),
      { method: 'POST', bulkId: 'again', status: '409', response: expect.objectContaining({ scimType: 'uniqueness' }) },
      { method: 'DELETE', location: `${scimBase}/Users/${anna}`, status: '204' },
    ]);
  });

  it('resolves bulkIds of other operations, in data and in paths', async () => {
    const answer = await bulk([
      desk('fx', [{ value: 'bulkId:carl' }, { type: 'User', value: 'bulkId:dora' }]),
      join('carl'),
      {
        method: 'PATCH',
        path: '/Users/bulkId:dora',
        data: patch({ op: 'add', path: 'roles', value: [{ value: 'sales' }] }),
      },
      join('dora', { roles: [{ value: 'trader' }] }),
    ]);
    expect(statusesOf(answer.body)).toEqual(['201', '201', '200', '201']);
    expect(person('carl')).toMatchObject({ desk: 'fx' });
    expect(person('dora')).toMatchObject({ desk: 'fx', roles: expect.arrayContaining(['trader', 'sales']) });
  });

  it('refuses circular references, references to failed operations, and unknown ones', async () => {
    const answer = await bulk([
      desk('one', [{ value: 'bulkId:two' }]),
      desk('two', [{ value: 'bulkId:one' }]),
      desk('itself', [{ value: 'bulkId:itself' }]),
      join('not a name'),
      desk('three', [{ value: 'bulkId:not a name' }]),
      desk('four', [{ value: 'bulkId:nobody' }]),
      join('emil'),
    ]);
    expect(statusesOf(answer.body)).toEqual(['409', '409', '409', '400', '409', '400', '201']);
    expect((await rig.client.get('/Groups?filter=displayName eq "one" or displayName eq "three"')).resources).toEqual(
      [],
    );
    expect(person('emil')).toBeDefined();
  });

  it('stops after as many errors as failOnErrors says, and keeps completed operations', async () => {
    const operations = [join('f1'), join('anna.keller'), join('f2'), join('ben.ito'), join('f3')];
    const one = await bulk(operations, { failOnErrors: 1 });
    expect(statusesOf(one.body)).toEqual(['201', '409']);
    expect([person('f1'), person('f2')]).toEqual([expect.anything(), undefined]);
    const two = await bulk(operations.slice(1), { failOnErrors: 2 });
    expect(statusesOf(two.body)).toEqual(['409', '201', '409']);
    expect(person('f3')).toBeUndefined();
  });

  it('grants nothing that a single request would not, and records each refusal and each change', async () => {
    const self = rig.clientOf(`DPoP person:anna.keller ${broker} identity:read identity:provision`);
    const [anna, ben] = [await idOf('anna.keller'), await idOf('ben.ito')];
    rig.records.length = 0;
    const answer = await bulk(
      [
        join('gina', { roles: [{ value: 'supervisor' }] }),
        {
          method: 'PATCH',
          path: `/Users/${anna}`,
          data: patch({ op: 'add', path: 'roles', value: [{ value: 'sales' }] }),
        },
        desk('new', [{ value: ben }]),
        join('hans'),
      ],
      {},
      self,
    );
    expect(statusesOf(answer.body)).toEqual(['403', '403', '403', '201']);
    expect(rig.records.flatMap(({ reason }) => reason ?? [])).toEqual([
      'scim_role_not_assignable',
      'scim_self_change',
      'second_person_required',
    ]);
    expect(rig.records.filter(({ type }) => type === 'directory.applied')).toHaveLength(1);
    const reader = rig.clientOf(`DPoP service:reader ${broker} identity:read`);
    expect((await bulk([join('ivan')], {}, reader)).status).toBe(403);
    expect(person('ivan')).toBeUndefined();
  });

  it('answers each operation that does not fit its address, and executes the others', async () => {
    const answer = await bulk([
      { method: 'POST', path: `/Users/${await idOf('anna.keller')}`, bulkId: 'a', data: newUser('x') },
      { method: 'DELETE', path: '/Groups' },
      { method: 'POST', path: '/Devices', bulkId: 'b', data: {} },
      { method: 'DELETE', path: '/Users/../Groups' },
      { method: 'POST', path: '/Users', bulkId: 'c' },
      { method: 'PATCH', path: `/Users/${await idOf('anna.keller')}`, data: [] },
      join('jan'),
    ]);
    expect(statusesOf(answer.body)).toEqual(['405', '405', '404', '404', '400', '400', '201']);
  });

  it.each<readonly [string, Document]>([
    ['of another schema', { schemas: [groupUrn] }],
    ['without operations', { Operations: [] }],
    ['with operations that are none', { Operations: [1] }],
    ['with a method that does not exist', { Operations: [{ ...join('k1'), method: 'GET' }] }],
    ['with a POST that has no bulkId', { Operations: [{ method: 'POST', path: '/Users', data: newUser('k1') }] }],
    ['with a bulkId that is there twice', { Operations: [join('k1'), { ...join('k1'), data: newUser('k2') }] }],
    ['with failOnErrors that is not a count', { failOnErrors: 0 }],
  ])('%s is refused before any operation runs', async (_, members) => {
    const answer = await bulk([join('k1')], members);
    expect({ code: answer.status, ...answer.body }).toMatchObject({ code: 400, scimType: 'invalidSyntax' });
    expect(person('k1')).toBeUndefined();
  });

  it('names the exceeded limit, with 413', async () => {
    const many = await bulk(Array.from({ length: 101 }, (_, index) => join(`l${index}`)));
    expect({ code: many.status, ...many.body }).toMatchObject({
      code: 413,
      status: '413',
      detail: expect.stringContaining('maxOperations (100)'),
    });
    expect(person('l0')).toBeUndefined();
    const large = await bulk([join('m', { displayName: 'x'.repeat(1_048_576) })]);
    expect({ code: large.status, ...large.body }).toMatchObject({
      code: 413,
      status: '413',
      detail: expect.stringContaining('maxPayloadSize (1048576)'),
    });
  });
});
