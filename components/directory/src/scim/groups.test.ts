import type { Json } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker, venue } from '../testing/example-file.ts';
import { proposer } from '../testing/rig.ts';
import {
  createScimRig,
  fileWithDesks,
  groupUrn,
  newUser,
  patch,
  provisioningOfVenue,
  type ScimRig,
  scimBase,
} from './testing/scim-rig.ts';

let rig: ScimRig;
let rates: string;
let credit: string;
beforeEach(async () => {
  rig = await createScimRig();
  const { resources } = await rig.client.get('/Groups?sortBy=displayName');
  [credit = '', rates = ''] = resources.map(({ id }) => String(id));
});
afterEach(() => rig.close());

const idOf = async (userName: string): Promise<string> =>
  String((await rig.client.get(`/Users?filter=userName eq "${userName}"`)).resources[0]?.['id']);
const membersOf = async (group: string): Promise<readonly string[]> => {
  const members = (await rig.client.get(`/Groups/${group}`)).body['members'] ?? [];
  return (members as readonly { readonly display: string }[]).map(({ display }) => display).sort();
};
const deskOf = (id: string) => rig.directory.snapshot().principal(`person:${id}`)?.desk;

describe('the groups of an institution', () => {
  it('are its desks, with their people', async () => {
    const anna = await idOf('anna.keller');
    const { body, etag } = await rig.client.get(`/Groups/${rates}`);
    expect(body).toMatchObject({
      schemas: [groupUrn],
      id: rates,
      displayName: 'rates',
      meta: { resourceType: 'Group', location: `${scimBase}/Groups/${rates}`, version: etag },
    });
    expect(body['members']).toContainEqual({
      value: anna,
      $ref: `${scimBase}/Users/${anna}`,
      display: 'anna.keller',
      type: 'User',
    });
    const found = await rig.client.get(`/Groups?filter=members[value eq "${anna}"]&excludedAttributes=members`);
    expect(found.resources).toEqual([
      { schemas: [groupUrn], id: rates, displayName: 'rates', meta: expect.anything() },
    ]);
    expect((await rig.client.get(`/Groups/${rates}`, { 'if-none-match': etag })).status).toBe(304);
  });

  it('move people: joining one leaves another, and that is a departure', async () => {
    const anna = await idOf('anna.keller');
    const before = await rig.client.get(`/Groups/${rates}`);
    const moved = await rig.client.send(
      'PATCH',
      `/Groups/${credit}`,
      patch({ op: 'add', path: 'members', value: [{ value: anna }] }),
    );
    expect(moved.status).toBe(200);
    expect(await membersOf(credit)).toEqual(['anna.keller']);
    expect(await membersOf(rates)).toEqual(['ben.ito']);
    expect(deskOf('anna.keller')).toBe('credit');
    expect((await rig.client.get(`/Groups/${rates}`)).etag).not.toBe(before.etag);
    expect(await rig.directory.departures()).toMatchObject([{ kind: 'move', principal: 'person:anna.keller' }]);
    await rig.client.send('PATCH', `/Groups/${credit}`, patch({ op: 'remove', path: `members[value eq "${anna}"]` }));
    expect(deskOf('anna.keller')).toBeUndefined();
  });

  it('are replaced as a whole, and keep their members when none are asserted', async () => {
    const ben = await idOf('ben.ito');
    const ids = [ben, (await rig.client.send('POST', '/Users', newUser('eve'))).id];
    const put = (members: Record<string, Json>) =>
      rig.client.send('PUT', `/Groups/${rates}`, { schemas: [groupUrn], displayName: 'rates', ...members });
    expect((await put({ members: ids.map((value) => ({ value })), externalId: 'd-1' })).body).toMatchObject({
      externalId: 'd-1',
    });
    expect(await membersOf(rates)).toEqual(['ben.ito', 'eve']);
    expect(deskOf('anna.keller')).toBeUndefined();
    expect((await put({})).body).not.toHaveProperty('externalId');
    expect(await membersOf(rates)).toEqual(['ben.ito', 'eve']);
    // One person alone cannot move an approver.
    expect((await put({ members: [] })).status).toBe(403);
    expect(await membersOf(rates)).toEqual(['ben.ito', 'eve']);
    await put({ members: [{ value: ben }] });
    expect(await membersOf(rates)).toEqual(['ben.ito']);
  });

  it('change completely or not at all', async () => {
    const anna = await idOf('anna.keller');
    for (const value of ['2819c223-7f76-453a-919d-413861904646', 'nobody', rates]) {
      const refused = await rig.client.send(
        'PATCH',
        `/Groups/${credit}`,
        patch({ op: 'add', path: 'members', value: [{ value: anna }, { value }] }),
      );
      expect(refused.body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    }
    expect(deskOf('anna.keller')).toBe('rates');
  });

  it('admit nobody of another institution', async () => {
    const stranger = await rig.clientOf(provisioningOfVenue).send('POST', '/Users', newUser('eve'));
    const refused = await rig.client.send(
      'PATCH',
      `/Groups/${credit}`,
      patch({ op: 'add', path: 'members', value: [{ value: stranger.id }] }),
    );
    expect(refused.body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    expect(rig.directory.snapshot().principal('person:eve')).toMatchObject({ institution: venue });
    expect(deskOf('eve')).toBeUndefined();
  });

  it('are created as desks without trading rights, with the people who move there', async () => {
    const anna = await idOf('anna.keller');
    const created = await rig.client.send('POST', '/Groups', {
      schemas: [groupUrn],
      displayName: 'FX Options',
      externalId: 'g-1',
      members: [{ value: anna }],
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      displayName: 'FX Options',
      externalId: 'g-1',
      members: [{ value: anna, display: 'anna.keller' }],
      meta: { location: `${scimBase}/Groups/${created.id}`, version: created.etag },
    });
    expect(created.headers).toMatchObject({ location: `${scimBase}/Groups/${created.id}` });
    expect(deskOf('anna.keller')).toBe('FX Options');
    expect(rig.directory.snapshot().desk(`${broker}/FX Options`)).toMatchObject({
      products: [],
      venues: [],
      jurisdictions: [],
      hours: { days: [] },
    });
    expect(await rig.directory.departures()).toMatchObject([{ kind: 'move', principal: 'person:anna.keller' }]);
    expect(rig.records.filter(({ type }) => type === 'directory.applied').at(-1)).toMatchObject({
      subject: { id: 'service:hr', institution: broker },
    });
  });

  it('are refused if they exist, belong to another institution, or have an invalid desk name', async () => {
    const make = (displayName: string, client = rig.client) =>
      client.send('POST', '/Groups', { schemas: [groupUrn], displayName });
    expect((await make('rates')).body).toMatchObject({ status: '409', scimType: 'uniqueness' });
    expect((await make('../rates')).body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    expect((await make('')).body).toMatchObject({ status: '400' });
    const theirs = await make('rates', rig.clientOf(provisioningOfVenue));
    expect(theirs.status).toBe(201);
    expect(rig.directory.snapshot().desk(`${venue}/rates`)).toBeDefined();
    expect((await rig.client.get(`/Groups/${theirs.id}`)).status).toBe(404);
    expect((await rig.client.send('DELETE', `/Groups/${theirs.id}`)).status).toBe(404);
    const reader = rig.clientOf(`DPoP service:reader ${broker} identity:read`);
    expect((await make('x', reader)).status).toBe(403);
    const both = await Promise.all([make('twice'), make('twice')]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('need two people to create with an approver, and to delete from under one', async () => {
    const members = [{ value: await idOf('ben.ito') }];
    const around = await rig.client.send('POST', '/Groups', { schemas: [groupUrn], displayName: 'new', members });
    expect(around.body).toMatchObject({ status: '403' });
    expect(rig.directory.snapshot().desk(`${broker}/new`)).toBeUndefined();
    expect((await rig.client.send('DELETE', `/Groups/${rates}`)).body).toMatchObject({ status: '403' });
    expect(rig.records.at(-1)).toMatchObject({ outcome: 'deny', reason: 'second_person_required' });
    expect(await membersOf(rates)).toEqual(['anna.keller', 'ben.ito']);
  });

  it('are deleted with their entitlements: their people stay, without a desk', async () => {
    const anna = await idOf('anna.keller');
    await rig.client.send(
      'PATCH',
      `/Groups/${credit}`,
      patch({ op: 'add', path: 'members', value: [{ value: anna }] }),
    );
    const { etag } = await rig.client.get(`/Groups/${credit}`);
    const stale = await rig.client.send('DELETE', `/Groups/${credit}`, undefined, { 'if-match': 'W/"other"' });
    expect(stale.body).toMatchObject({ status: '412' });
    const deleted = await rig.client.send('DELETE', `/Groups/${credit}`, undefined, { 'if-match': etag });
    expect(deleted.status).toBe(204);
    expect((await rig.client.get(`/Groups/${credit}`)).status).toBe(404);
    expect(rig.directory.snapshot().desk(`${broker}/credit`)).toBeUndefined();
    expect(deskOf('anna.keller')).toBeUndefined();
    expect(rig.directory.snapshot().principal('person:anna.keller')).toBeDefined();
    // A later desk with this name has no entitlements.
    const again = await rig.client.send('POST', '/Groups', { schemas: [groupUrn], displayName: 'credit' });
    expect(again.id).not.toBe(credit);
    expect(rig.directory.snapshot().desk(`${broker}/credit`)).toMatchObject({ products: [], venues: [] });
  });

  it('cannot be renamed', async () => {
    const answers = [
      await rig.client.send('PUT', `/Groups/${rates}`, { schemas: [groupUrn], displayName: 'other' }),
      await rig.client.send('PATCH', `/Groups/${rates}`, patch({ op: 'replace', path: 'displayName', value: 'other' })),
      await rig.client.send('PATCH', `/Groups/${rates}`, patch({ op: 'remove', path: 'displayName' })),
    ];
    for (const { body } of answers) expect(body).toMatchObject({ status: '400', scimType: 'mutability' });
  });

  it('cannot be joined by the caller themselves', async () => {
    const anna = rig.clientOf(`DPoP person:anna.keller ${broker} identity:read identity:provision`);
    const refused = await anna.send(
      'PATCH',
      `/Groups/${credit}`,
      patch({ op: 'add', path: 'members', value: [{ value: await idOf('anna.keller') }] }),
    );
    expect(refused.status).toBe(403);
    expect(rig.records.at(-1)).toMatchObject({ type: 'access.refused', reason: 'scim_self_change' });
  });

  it('with a thousand people are listed, paged over and moved in one request', async () => {
    const people = Array.from({ length: 1_000 }, (_, index) => ({
      id: `person:p-${index}`,
      institution: broker,
      roles: ['trader'],
      federated: [],
      credentials: [],
    }));
    await rig.directory.apply({ ...fileWithDesks(), people: [...fileWithDesks().people, ...people] }, proposer);
    const ids: string[] = [];
    for (let startIndex = 1; startIndex <= 1_002; startIndex += 200) {
      const page = await rig.client.get(`/Users?attributes=id&filter=userName sw "p-"&startIndex=${startIndex}`);
      expect(page.body).toMatchObject({ totalResults: 1_000 });
      ids.push(...page.resources.map(({ id }) => String(id)));
    }
    expect(new Set(ids).size).toBe(1_000);
    const moved = await rig.client.send(
      'PATCH',
      `/Groups/${credit}?excludedAttributes=members`,
      patch({ op: 'add', path: 'members', value: ids.map((value) => ({ value })) }),
    );
    expect(moved.status).toBe(200);
    expect(await membersOf(credit)).toHaveLength(1_000);
    const one = (await rig.client.send('POST', '/Users', newUser('eve'))).id;
    const many = await rig.client.send('PUT', `/Groups/${credit}`, {
      schemas: [groupUrn],
      displayName: 'credit',
      members: [{ value: one }],
    });
    expect({ code: many.status, ...many.body }).toMatchObject({ code: 413, status: '413' });
  });
});
