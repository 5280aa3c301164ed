import { type Json, membersOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker } from '../testing/example-file.ts';
import { proposer } from '../testing/rig.ts';
import {
  type Answer,
  createScimRig,
  newUser,
  patch,
  principalUrn,
  provisioning,
  provisioningOfVenue,
  type ScimClient,
  type ScimRig,
} from './testing/scim-rig.ts';

let rig: ScimRig;
/** The same interface on two nodes. */
let nodes: readonly ScimClient[];
beforeEach(async () => {
  rig = await createScimRig();
  nodes = [rig.client, rig.clientOf(provisioning, await rig.node())];
});
afterEach(() => rig.close());

const statusesOf = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort();
const nodeAt = (index: number): ScimClient => {
  const node = nodes[index % nodes.length];
  if (node === undefined) throw new Error('no node');
  return node;
};
const times = <Value>(count: number, make: (index: number) => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

describe('at the same time, on two nodes', () => {
  it('one of many requests creates a User with a given name', async () => {
    const answers = await times(8, (index) =>
      nodeAt(index).send('POST', '/Users', newUser('eve', { externalId: `hr-${index}` })),
    );
    expect(statusesOf(answers)).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
    const created = answers.find(({ status }) => status === 201);
    expect((await rig.client.get(`/Users/${created?.id}`)).body).toEqual(created?.body);
  });

  it('one of two institutions creates a User with a given name', async () => {
    const hr = rig.clientOf(provisioningOfVenue);
    const answers = await times(6, (index) =>
      (index % 2 === 0 ? hr : rig.client).send('POST', '/Users', newUser('eve')),
    );
    expect(statusesOf(answers)).toEqual([201, 409, 409, 409, 409, 409]);
  });

  it.each<readonly [string, (index: number) => { method: 'PUT' | 'PATCH'; body: Json }]>([
    [
      'PUT',
      (index) => ({ method: 'PUT', body: newUser('eve', { roles: [{ value: 'trader' }], externalId: `${index}` }) }),
    ],
    [
      'PATCH of the document',
      () => ({ method: 'PATCH', body: patch({ op: 'add', path: 'roles', value: [{ value: 'sales' }] }) }),
    ],
    [
      'PATCH of the external id',
      (index) => ({ method: 'PATCH', body: patch({ op: 'add', path: 'externalId', value: `${index}` }) }),
    ],
  ])('one of many requests changes the version named in If-Match: %s', async (_, request) => {
    const { id, etag } = await rig.client.send('POST', '/Users', newUser('eve'));
    const answers = await times(6, (index) => {
      const { method, body } = request(index);
      return nodeAt(index).send(method, `/Users/${id}`, body, { 'if-match': etag });
    });
    expect(statusesOf(answers)).toEqual([200, 412, 412, 412, 412, 412]);
    const winner = answers.find(({ status }) => status === 200);
    const now = await rig.client.get(`/Users/${id}`);
    expect(now.body).toEqual(winner?.body);
    expect(now.etag).not.toBe(etag);
  });

  it('changes of different parts are all kept', async () => {
    const { id } = await rig.client.send('POST', '/Users', newUser('eve'));
    const answers = await times(4, (index) =>
      nodeAt(index).send(
        'PATCH',
        `/Users/${id}`,
        patch(
          [
            { op: 'add', path: 'roles', value: [{ value: 'trader' }] },
            { op: 'add', path: 'roles', value: [{ value: 'sales' }] },
            { op: 'replace', path: `${principalUrn}:desk`, value: 'credit' },
            { op: 'replace', path: 'externalId', value: 'hr-1' },
          ][index] ?? {},
        ),
      ),
    );
    expect(statusesOf(answers)).toEqual([200, 200, 200, 200]);
    const { body } = await rig.client.get(`/Users/${id}`);
    expect(body).toMatchObject({ externalId: 'hr-1', [principalUrn]: { desk: 'credit' } });
    expect(body['roles']).toEqual(expect.arrayContaining([{ value: 'trader' }, { value: 'sales' }]));
    expect(body['roles']).toHaveLength(2);
  });

  it('a deletion and a change leave no one behind', async () => {
    const { id } = await rig.client.send('POST', '/Users', newUser('eve'));
    const [deleted, ...changed] = await Promise.all([
      rig.client.send('DELETE', `/Users/${id}`),
      ...[1, 2, 3].map((index) =>
        nodeAt(index).send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'active', value: index % 2 === 0 })),
      ),
    ]);
    expect(deleted?.status).toBe(204);
    for (const { status } of changed) expect([200, 404]).toContain(status);
    for (const [index] of nodes.entries()) expect((await nodeAt(index).get(`/Users/${id}`)).status).toBe(404);
    expect(
      (await rig.directory.snapshotAtLeast(rig.directory.snapshot().version)).principal('person:eve'),
    ).toBeUndefined();
  });

  it('members added by many requests are all there', async () => {
    const ids = await times(
      6,
      async (index) => (await nodeAt(index).send('POST', '/Users', newUser(`eve-${index}`))).id,
    );
    const [group] = (await rig.client.get('/Groups?filter=displayName eq "credit"')).resources;
    const url = `/Groups/${String(group?.['id'])}`;
    const answers = await times(6, (index) =>
      nodeAt(index).send('PATCH', url, patch({ op: 'add', path: 'members', value: [{ value: ids[index] ?? '' }] })),
    );
    expect(statusesOf(answers)).toEqual([200, 200, 200, 200, 200, 200]);
    const { body } = await rig.client.get(url);
    const members = (body['members'] ?? []) as readonly { readonly value: string }[];
    expect(members.map(({ value }) => value).sort()).toEqual([...ids].sort());
  });
});

describe('a change by a file', () => {
  it('shows in the version, and is not overwritten by a client that has not seen it', async () => {
    const { id, etag } = await rig.client.send('POST', '/Users', newUser('eve'));
    await rig.scratch
      .pool('directory')
      .query(
        "update entities set created_at = created_at - interval '1 hour', changed_at = changed_at - interval '1 hour'",
      );
    const { body } = await rig.client.get(`/Users/${id}`);
    const document = { id: 'person:eve', institution: broker, roles: ['sales'], federated: [], credentials: [] };
    await rig.directory.edit({ put: { people: [document] } }, proposer);
    const stale = await rig.client.send('PUT', `/Users/${id}`, newUser('eve'), { 'if-match': etag });
    expect(stale.status).toBe(412);
    const now = await rig.client.get(`/Users/${id}`);
    expect(now.body).toMatchObject({ id, roles: [{ value: 'sales' }] });
    expect(now.etag).not.toBe(etag);
    const times = (meta: Json | undefined) => {
      const { created, lastModified } = membersOf(meta) ?? {};
      return { created: String(created), lastModified: String(lastModified) };
    };
    expect(times(now.body['meta']).created).toBe(times(body['meta']).created);
    expect(times(now.body['meta']).lastModified > times(body['meta']).lastModified).toBe(true);
  });
});

describe('when the log cannot be written', () => {
  it('nothing changes, and the caller can retry', async () => {
    const { id } = await rig.client.send('POST', '/Users', newUser('eve'));
    rig.breakLog(true);
    for (const answer of [
      await rig.client.send('POST', '/Users', newUser('dora')),
      await rig.client.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'active', value: false })),
      await rig.client.send('DELETE', `/Users/${id}`),
    ]) {
      expect({ code: answer.status, ...answer.body }).toMatchObject({ code: 503, status: '503' });
      expect(answer.headers['retry-after']).toBe('1');
    }
    rig.breakLog(false);
    expect((await rig.client.get(`/Users/${id}`)).body).toMatchObject({ active: true });
    expect((await rig.client.send('POST', '/Users', newUser('dora'))).status).toBe(201);
  });
});
