import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type ApplicationWorld, createApplicationWorld } from './testing/application-world.ts';

// What a node does to know the entities that were written: it is the market's node as well.

let world: ApplicationWorld;
beforeAll(async () => {
  world = await createApplicationWorld();
});
afterAll(() => world.close());

const by = { id: 'service:interop-sync', client: 'interop-sync' };
const user = (id: string) => ({ namespace: 'Interop', type: 'User', id });
const attrs = { roles: [] };

it('parses again only what has changed, however much there is', async () => {
  const { applicationEntities: entities } = world.engine;
  for (const id of ['e1', 'e2', 'e3']) await entities.put(user(id), { attrs, parents: [] }, by);
  const parse = vi.spyOn(JSON, 'parse');
  await Promise.all(['e3', 'e4', 'e5'].map((id) => entities.put(user(id), { attrs, parents: [] }, by)));
  const parsed = parse.mock.calls.flatMap(([text]) => /^\{"attrs".*"id":"(e\d)"/.exec(text)?.[1] ?? []);
  parse.mockRestore();
  // One was written as it was: there is nothing to read of it.
  expect(parsed.sort()).toEqual(['e4', 'e5']);
  expect(await entities.list('Interop', { by })).toMatchObject({
    entities: ['e1', 'e2', 'e3', 'e4', 'e5'].map((id) => ({ uid: { id } })),
  });
});

it('starts although a row cannot be read, and decides nothing by that model', async () => {
  const asked = {
    subject: { type: 'user', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'record-1' },
  };
  const caller = { id: 'service:interop-gateway', client: 'interop-gateway' };
  await world.engine.applicationEntities.put(user('e1'), { attrs, parents: [] }, by);
  const pool = world.rig.scratch.pool('policy-engine');
  await pool.query(`update application_entities set document = '!' || document where id = 'e1'`);
  const other = await world.rig.start({ policiesFolder: world.folder });
  expect(await other.evaluate(asked, caller)).toMatchObject({ reasons: [{ code: 'entities_unproven' }] });
  await expect(other.applicationEntities.find(user('e1'), by)).rejects.toMatchObject({
    code: 'application_entity_not_found',
  });
  // Written again as it was recorded, it counts again.
  await other.applicationEntities.put(user('e1'), { attrs, parents: [] }, by);
  expect(await other.evaluate(asked, caller)).toMatchObject({ decision: true });
});
