import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { RecordId } from '@countersign/kernel';
import { createAuthzenClient } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { own } from '../testing/desk.ts';
import { type ApplicationWorld, createApplicationWorld } from './testing/application-world.ts';

// The AuthZEN interop scenarios (Todo) and its certification, run as an application model beside the market.
const vectors = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'authzen');
interface Decisions {
  readonly evaluation: readonly { readonly request: object; readonly expected: boolean }[];
  readonly evaluations: readonly { readonly request: object; readonly expected: readonly object[] }[];
}
const decisions = JSON.parse(await readFile(resolve(vectors, 'todo-decisions.json'), 'utf8')) as Decisions;

let world: ApplicationWorld;
beforeAll(async () => {
  world = await createApplicationWorld();
});
afterAll(() => world.close());

type Properties = Readonly<Record<string, string | number | boolean>>;
const user = (id: string, properties?: Properties) => ({ type: 'user', id, ...(properties && { properties }) });
const record = (id: string, properties?: Properties) => ({ type: 'record', id, ...(properties && { properties }) });
const action = (name: string, properties?: Properties) => ({ name, ...(properties && { properties }) });
const asking = { subject: user('alice'), action: action('read'), resource: record('record-1') };

describe('the Todo scenario', () => {
  it.each(decisions.evaluation.map((each, index) => [index, each] as const))(
    'decides evaluation %i as expected and records it under the model',
    async (_, { request, expected }) => {
      const { status, body, evidence } = await world.ask('evaluation', request);
      expect([status, body.decision]).toEqual([200, expected]);
      expect(world.rig.records.at(-1)).toMatchObject({
        id: evidence,
        type: 'decision.made',
        data: { evaluation: { application: 'Interop' } },
      });
    },
  );

  it.each(decisions.evaluations.map((each, index) => [index, each] as const))(
    'decides batch %i as expected',
    async (_, { request, expected }) => {
      const { status, body } = await world.ask('evaluations', request);
      expect([status, body]).toEqual([200, { evaluations: expected.map((each) => expect.objectContaining(each)) }]);
    },
  );
});

describe('the certification scenario', () => {
  it.each([
    ['alice reads', 'alice', action('read'), record('record-1'), true],
    ['alice writes', 'alice', action('write'), record('record-1'), true],
    ['bob reads', 'bob', action('read'), record('record-1'), true],
    ['bob does not write', 'bob', action('write'), record('record-1'), false],
    ['alice does not write an archived record', 'alice', action('write'), record('record-2'), false],
    [
      'the attributes in the question count',
      'alice',
      action('write'),
      record('record-1', { status: 'archived' }),
      false,
    ],
    ['an admin writes an archived record', 'bob', action('write'), record('record-2', { status: 'archived' }), true],
    ['alice deletes softly', 'alice', action('delete', { soft: true }), record('record-1'), true],
    ['alice does not delete permanently', 'alice', action('delete', { soft: false }), record('record-1'), false],
    ['nor without the soft property', 'alice', action('delete'), record('record-1'), false],
  ] as const)('%s', async (_, id, act, resource, expected) => {
    const body = {
      subject: user(id),
      action: act,
      resource,
      context: { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' },
    };
    const first = await world.ask('evaluation', body);
    expect([first.status, first.body.decision]).toEqual([200, expected]);
    expect((await world.ask('evaluation', body)).body).toStrictEqual(first.body);
  });

  it('finds subjects, resources and actions, a page at a time', async () => {
    const readers = { subject: { type: 'user' }, action: action('read'), resource: record('record-1') };
    expect((await world.ask('search/subject', readers)).body.results).toEqual([user('alice'), user('bob')]);
    const first = (await world.ask('search/subject', { ...readers, page: { limit: 1 } })).body;
    expect(first.results).toEqual([user('alice')]);
    const page = { token: first.page.next_token };
    const second = (await world.ask('search/subject', { ...readers, page })).body;
    expect(second).toMatchObject({ results: [user('bob')] });
    const readable = { subject: user('alice'), action: action('read'), resource: { type: 'record' } };
    expect((await world.ask('search/resource', readable)).body.results).toEqual([
      record('record-1'),
      record('record-2'),
    ]);
    const doable = { subject: user('alice'), resource: record('record-1') };
    expect((await world.ask('search/action', doable)).body.results).toEqual([{ name: 'read' }, { name: 'write' }]);
    expect(world.rig.records.at(-1)).toMatchObject({
      type: 'decision.searched',
      data: { application: 'Interop', search: 'action' },
    });
  });

  it.each([
    ['an unknown subject', { subject: user('nobody') }],
    ['an unknown resource', { resource: record('record-9') }],
    ['an unknown action', { action: action('teleport') }],
    ['a type of no model', { resource: { type: 'spaceship', id: 'x' } }],
    ['an attribute of another type', { subject: user('alice', { role: 7 }) }],
  ])('denies %s, and its searches return nothing', async (_, change) => {
    const asked = { ...asking, ...change };
    const { status, body } = await world.ask('evaluation', asked);
    expect([status, body.decision]).toEqual([200, false]);
    const { subject, resource } = asked;
    const found = await world.ask('search/action', { subject, resource });
    if (!('action' in change)) expect([found.status, found.body.results]).toEqual([200, []]);
  });
});

describe('a client that knows only the specification', () => {
  it('discovers the endpoints and gets its questions answered with the defaults', async () => {
    const client = await createAuthzenClient({
      pdp: world.address,
      authorize: async () => ({ Authorization: 'DPoP interop-gateway~decision:evaluate' }),
    });
    expect(await client.evaluation(asking)).toMatchObject({ decision: true });
    const { action: _, ...rest } = asking;
    const evaluations = [
      { action: action('read') },
      { action: action('delete') },
      { resource: { type: 'no', id: 'x' } },
    ];
    expect((await client.evaluations({ ...asking, evaluations })).map(({ decision }) => decision)).toEqual([
      true,
      false,
      false,
    ]);
    expect(await client.searchActions(rest)).toEqual([{ name: 'read' }, { name: 'write' }]);
    expect(await client.searchSubjects({ ...asking, subject: { type: 'user' }, page: { limit: 1 } })).toEqual([
      user('alice'),
      user('bob'),
    ]);
    expect(await client.searchResources({ ...asking, resource: { type: 'record' } })).toEqual([
      record('record-1'),
      record('record-2'),
    ]);
  });
});

describe('a decision under a model', () => {
  it('can be explained and replayed from its record', async () => {
    const { evidence } = await world.ask('evaluation', {
      ...asking,
      action: action('write'),
      resource: record('record-2'),
    });
    const { history } = world.engine;
    expect(await history.replay(evidence as RecordId)).toMatchObject({ outcome: 'identical' });
    expect(await history.explain(evidence as RecordId)).toMatchObject({
      recorded: { decision: false, determining: ['nobody-else-writes-what-is-archived'] },
      unmet: [{ policyId: 'nobody-else-writes-what-is-archived', effect: 'forbid' }],
    });
  });

  it('names its policies and its reason', async () => {
    const { body } = await world.ask('evaluation', {
      ...asking,
      action: action('write'),
      resource: record('record-2'),
    });
    expect(body.context).toMatchObject({
      policy: { version: 1, determining: ['nobody-else-writes-what-is-archived'] },
      reasons: [{ code: 'record_archived', detail: 'The record is archived.' }],
    });
  });

  it('is refused to a client that the model does not name', async () => {
    for (const path of ['evaluation', 'search/action']) {
      const { status, body } = await world.ask(path, asking, 'stranger');
      expect([status, body.decision ?? body.results]).toEqual([200, path === 'evaluation' ? false : []]);
    }
    expect((await world.ask('evaluation', asking)).body.decision).toBe(true);
  });

  it('never covers the market, and a market decision never covers a model', async () => {
    const person = { type: 'person', id: 'person:own' };
    const transaction = { type: 'transaction', id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' };
    for (const change of [
      { subject: person },
      { resource: transaction },
      { subject: person, resource: transaction },
      { subject: user('person:own'), action: action('order:create') },
    ]) {
      const { status, body } = await world.ask('evaluation', { ...asking, ...change });
      expect([status, body.decision, body.context.policy.determining]).toEqual([200, false, []]);
    }
    // A name that looks like a principal is recorded as an entity of the model.
    await world.ask('evaluation', { ...asking, subject: user(`service:${own}`) });
    expect(world.rig.records.at(-1)?.subject?.id).toBe(`Interop::User::"service:${own}"`);
  });
});

describe('an entity written over the interface', () => {
  const carol = {
    attrs: { roles: ['editor'], email: 'carol@example.org' },
    parents: [{ type: 'Interop::Team', id: 'readers' }],
  };
  const path = 'Interop/entities/User/carol';

  it('is used by decisions and searches until it is removed, and each change is recorded', async () => {
    const asked = { ...asking, subject: user('carol') };
    expect((await world.ask('evaluation', asked)).body.decision).toBe(false);
    const written = await world.entity('PUT', path, carol);
    expect(written).toMatchObject({ status: 200, body: { version: expect.any(Number) } });
    expect(world.rig.records.find(({ id }) => id === written.body.recordId)).toMatchObject({
      type: 'application.entity_written',
      subject: { id: 'service:interop-sync' },
    });
    const { body } = await world.ask('evaluation', asked);
    expect(body).toMatchObject({ decision: true, context: { entity_version: written.body.version } });
    const readers = { subject: { type: 'user' }, action: action('read'), resource: record('record-1') };
    expect((await world.ask('search/subject', readers)).body.results).toEqual([
      user('alice'),
      user('bob'),
      user('carol'),
    ]);
    expect((await world.entity('GET', path)).body).toMatchObject({ attrs: carol.attrs });
    expect((await world.entity('GET', 'Interop/entities')).body.entities).toHaveLength(1);
    // The replay uses the record, whatever has been stored since.
    const { evidence } = await world.ask('evaluation', asked);
    expect((await world.entity('DELETE', path)).status).toBe(200);
    expect((await world.ask('evaluation', asked)).body.decision).toBe(false);
    expect(await world.engine.history.replay(evidence as RecordId)).toMatchObject({ outcome: 'identical' });
    expect((await world.entity('DELETE', path)).status).toBe(404);
  });

  it.each([
    ['of a client that may only ask', path, carol, 'interop-gateway', 404, 'application_not_found'],
    [
      'of a model that does not exist',
      'RemoteLookup/entities/User/carol',
      carol,
      'interop-sync',
      404,
      'application_not_found',
    ],
    [
      'of a type of another namespace',
      'Interop/entities/Person/carol',
      carol,
      'interop-sync',
      400,
      'application_entity_invalid',
    ],
    ['that lacks an attribute', path, { attrs: {} }, 'interop-sync', 400, 'application_entity_invalid'],
    [
      'in a group of the market',
      path,
      { ...carol, parents: [{ type: 'Institution', id: own }] },
      'interop-sync',
      400,
      'application_entity_invalid',
    ],
    [
      'that came with the policies',
      'Interop/entities/User/bob',
      carol,
      'interop-sync',
      409,
      'application_entity_governed',
    ],
    [
      'that is too large',
      path,
      { attrs: { roles: ['x'.repeat(20_000)] } },
      'interop-sync',
      400,
      'application_entity_invalid',
    ],
  ])('is refused, and the refusal recorded: one %s', async (_, to, body, client, status, code) => {
    expect(await world.entity('PUT', to, body, client)).toMatchObject({ status, body: { code } });
    expect(world.rig.records.at(-1)).toMatchObject({
      type: 'application.entity_refused',
      outcome: 'deny',
      reason: code,
    });
  });

  it('is refused without the scope', async () => {
    const token = 'interop-sync~decision:evaluate';
    const answer = await world.send('PUT', `/decisions/applications/${path}`, { token, body: carol });
    expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
  });

  it('causes every decision to be refused once its row contradicts its record', async () => {
    await world.entity('PUT', path, carol);
    const pool = world.rig.scratch.pool('policy-engine');
    const changed = (from: string, to: string) =>
      pool.query('update application_entities set document = replace(document, $1, $2)', [from, to]);
    await changed('"editor"', '"admin"');
    const other = await world.rig.start({ policiesFolder: world.folder });
    const caller = { id: 'service:interop-gateway', client: 'interop-gateway' };
    expect(await other.evaluate(asking, caller)).toMatchObject({
      decision: false,
      reasons: [{ code: 'entities_unproven' }],
    });
    const denied = world.rig.records.at(-1);
    expect(await other.history.replay(denied?.id as RecordId)).toMatchObject({
      outcome: 'missing',
      missing: [expect.stringContaining('contradicted their records')],
    });
    const search = { kind: 'action', subject: asking.subject, resource: asking.resource } as const;
    await expect(other.search(search, caller)).rejects.toMatchObject({ code: 'policy_not_loaded' });
    await changed('"admin"', '"editor"');
    const again = await world.rig.start({ policiesFolder: world.folder });
    expect(await again.evaluate(asking, caller)).toMatchObject({ decision: true });
    // The records alone show that the entity existed, and its content.
    await pool.query('delete from application_entities');
    await pool.query('delete from application_entity_versions');
    const emptied = await world.rig.start({ policiesFolder: world.folder });
    expect(await emptied.evaluate(asking, caller)).toMatchObject({ decision: true });
    await world.entity('DELETE', path);
  });
});
