import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInteropWorld, type InteropWorld } from './testing/interop-world.ts';

// The certification scenario of AuthZEN 1.0: https://openid.net/wg/authzen/, "authorization-api-1_0-scenario".
let world: InteropWorld;
beforeAll(async () => {
  world = await createInteropWorld();
});
afterAll(() => world.close());

const user = (id: string, properties?: object) => ({ type: 'user', id, ...(properties && { properties }) });
const record = (id: string, properties?: object) => ({ type: 'record', id, ...(properties && { properties }) });
const action = (name: string, properties?: object) => ({ name, ...(properties && { properties }) });
const admin = { role: 'admin' };
const archived = { status: 'archived' };
const active = { status: 'active' };
const context = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' };

async function answer(path: string, body: unknown) {
  const response = await world.post(path, body);
  expect([response.statusCode, response.body]).toEqual([200, expect.any(String)]);
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  return response.json();
}

describe('basic', () => {
  it.each([
    ['rule 1', 'alice', 'read', record('record-1'), true],
    ['rule 2', 'alice', 'write', record('record-1'), true],
    ['rule 3', 'bob', 'read', record('record-1'), true],
    ['rule 4', 'bob', 'write', record('record-1'), false],
    ['rule 5', 'alice', 'write', record('record-2', archived), false],
  ])('satisfies %s', async (_, id, name, resource, expected) => {
    const body = { subject: user(id), action: action(name), resource };
    expect(await answer('evaluation', body)).toMatchObject({ decision: expected });
    expect(await answer('evaluation', { ...body, context })).toMatchObject({ decision: expected });
  });

  it('satisfies rules 6 to 8, which are about the content of the request', async () => {
    const writing = { subject: user('bob', admin), action: action('write'), resource: record('record-2', archived) };
    expect(await answer('evaluation', writing)).toMatchObject({ decision: true });
    for (const soft of [true, false]) {
      const deleting = { subject: user('alice'), action: action('delete', { soft }), resource: record('record-1') };
      expect(await answer('evaluation', deleting)).toMatchObject({ decision: soft });
    }
  });

  it('accepts unknown properties and members', async () => {
    const body = {
      subject: user('alice', { department: 'Sales', role: 'manager' }),
      action: action('read', { method: 'GET' }),
      resource: record('record-1', { status: 'active', owner: 'bob' }),
      foo: 'bar',
      futureField: { nested: true },
    };
    expect(await answer('evaluation', body)).toMatchObject({ decision: true });
  });

  it('gives the same answer to the same request', async () => {
    const body = { subject: user('alice'), action: action('read'), resource: record('record-1') };
    for (let time = 0; time < 3; time++) expect(await answer('evaluation', body)).toMatchObject({ decision: true });
  });
});

describe('batch', () => {
  const decisionsOf = async (body: unknown) =>
    (await answer('evaluations', body)).evaluations.map(({ decision }: { decision: unknown }) => decision);

  it('takes defaults from the top level and keeps the order', async () => {
    expect(
      await decisionsOf({
        subject: user('bob'),
        resource: record('record-1'),
        evaluations: [{ action: action('read') }, { action: action('write') }],
      }),
    ).toEqual([true, false]);
    expect(
      await decisionsOf({
        subject: user('alice'),
        action: action('write'),
        resource: record('record-1', active),
        evaluations: [{}, { resource: record('record-2', archived) }],
      }),
    ).toEqual([true, false]);
    expect(
      await decisionsOf({
        action: action('write'),
        resource: record('record-2', archived),
        evaluations: [{ subject: user('alice') }, { subject: user('bob', admin) }],
      }),
    ).toEqual([false, true]);
  });

  it('needs no defaults', async () => {
    expect(
      await decisionsOf({
        evaluations: [
          { subject: user('alice'), action: action('read'), resource: record('record-1') },
          { subject: user('bob'), action: action('write'), resource: record('record-1') },
        ],
      }),
    ).toEqual([true, false]);
  });

  it('takes a shared context or one for each evaluation', async () => {
    expect(
      await decisionsOf({
        subject: user('alice'),
        action: action('read'),
        context,
        evaluations: [{ resource: record('record-1') }, { resource: record('record-2'), context: { source: 'x' } }],
      }),
    ).toHaveLength(2);
  });

  it('denies an incomplete evaluation in its place', async () => {
    const { evaluations } = await answer('evaluations', {
      subject: user('alice'),
      action: action('read'),
      options: { evaluations_semantic: 'execute_all' },
      evaluations: [{ resource: record('record-1') }, {}],
    });
    expect(evaluations).toMatchObject([
      { decision: true },
      { decision: false, context: { error: { status: 400, message: 'resource is missing.' } } },
    ]);
  });

  it.each([{}, { evaluations: [] }])('is a single evaluation without any: %j', async (extra) => {
    const body = { subject: user('alice'), action: action('read'), resource: record('record-1'), ...extra };
    const one = await answer('evaluations', body);
    expect(one).toMatchObject({ decision: true });
    expect(one).not.toHaveProperty('evaluations');
  });
});

describe('search', () => {
  const resultsOf = async (kind: string, body: unknown) => (await answer(`search/${kind}`, body)).results;
  const readers = { subject: { type: 'user' }, action: action('read'), resource: record('record-1') };
  const readable = { subject: user('alice'), action: action('read'), resource: { type: 'record' } };
  const doable = { subject: user('alice'), resource: record('record-1') };

  it('finds subjects', async () => {
    const found = await resultsOf('subject', readers);
    expect(found).toEqual([user('alice'), user('bob')]);
    expect(await resultsOf('subject', { ...readers, context })).toEqual(found);
    expect(await resultsOf('subject', { ...readers, subject: user('alice') })).toEqual(found);
    const writers = { subject: { type: 'user' }, action: action('write'), resource: record('record-2', archived) };
    expect(await resultsOf('subject', writers)).toEqual([user('bob')]);
  });

  it('finds resources', async () => {
    const found = await resultsOf('resource', readable);
    expect(found).toEqual([record('record-1'), record('record-2')]);
    expect(await resultsOf('resource', { ...readable, context })).toEqual(found);
    expect(await resultsOf('resource', { ...readable, resource: record('record-1') })).toEqual(found);
    const writable = { subject: user('bob', admin), action: action('write'), resource: { type: 'record' } };
    expect(await resultsOf('resource', writable)).toEqual([record('record-2')]);
  });

  it('finds actions', async () => {
    const found = await resultsOf('action', doable);
    expect(found).toEqual([{ name: 'read' }, { name: 'write' }]);
    expect(await resultsOf('action', { ...doable, context })).toEqual(found);
    expect(await resultsOf('action', { subject: user('bob', admin), resource: record('record-2', archived) })).toEqual([
      { name: 'read' },
      { name: 'write' },
    ]);
  });

  it('returns one page at a time', async () => {
    const first = await answer('search/subject', { ...readers, page: { limit: 1 } });
    expect(first).toMatchObject({ results: [user('alice')], page: { count: 1, next_token: expect.any(String) } });
    const second = await answer('search/subject', { ...readers, page: { token: first.page.next_token } });
    expect(second).toMatchObject({ results: [user('bob')], page: { count: 1, next_token: '' } });
    expect(Object.keys(first)[0]).toBe('page');
  });

  it.each([
    ['action', { subject: user('nobody'), resource: record('record-1') }],
    ['action', { subject: user('alice'), resource: { type: 'spaceship', id: 'x' } }],
    ['subject', { ...readers, subject: { type: 'spaceship' } }],
    ['subject', { ...readers, resource: { type: 'spaceship', id: 'x' } }],
    ['subject', { ...readers, action: action('teleport') }],
    ['resource', { ...readable, resource: { type: 'spaceship' } }],
    ['resource', { ...readable, subject: user('nobody') }],
  ])('for %s returns nothing for unknown entities: %j', async (kind, body) => {
    expect(await resultsOf(kind, body)).toEqual([]);
  });
});
