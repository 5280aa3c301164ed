import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApplicationWorld, createApplicationWorld } from './testing/application-world.ts';

// Loads written entities as a node of the market does.

let world: ApplicationWorld;
beforeAll(async () => {
  world = await createApplicationWorld();
});
afterAll(() => world.close());

const by = { id: 'service:interop-sync', client: 'interop-sync' };
const user = (id: string) => ({ namespace: 'Interop', type: 'User', id });
const attrs = { roles: [] };

it('parses only what has changed, however much there is', async () => {
  const { applicationEntities: entities } = world.engine;
  for (const id of ['e1', 'e2', 'e3']) await entities.put(user(id), { attrs, parents: [] }, by);
  const parse = vi.spyOn(JSON, 'parse');
  await Promise.all(['e3', 'e4', 'e5'].map((id) => entities.put(user(id), { attrs, parents: [] }, by)));
  const parsed = parse.mock.calls.flatMap(([text]) => /^\{"attrs".*"id":"(e\d)"/.exec(text)?.[1] ?? []);
  parse.mockRestore();
  // One entity was rewritten unchanged, so there is nothing to parse.
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
  // Once it is rewritten as it was recorded, it counts again.
  await other.applicationEntities.put(user('e1'), { attrs, parents: [] }, by);
  expect(await other.evaluate(asked, caller)).toMatchObject({ decision: true });
});

describe('a change that was recorded but not written because the process died', () => {
  const died = 'the process died';
  const name = { namespace: 'Interop', type: 'User', id: 'interrupted' };
  const asked = {
    subject: { type: 'user', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'record-1' },
  };
  const caller = { id: 'service:interop-gateway', client: 'interop-gateway' };
  const start = (options = {}) => world.rig.start({ policiesFolder: world.folder, ...options });
  const changes = () => world.rig.records.filter(({ type }) => /^application\.entity_(written|removed)$/.test(type));

  /** Engines of a process that dies as soon as a record is written. */
  async function dying() {
    const { log } = world.rig;
    let dies = false;
    const engine = await start({
      audit: {
        ...log,
        async append(draft: Parameters<typeof log.append>[0]) {
          const recorded = await log.append(draft);
          if (dies) throw new Error(died);
          return recorded;
        },
      },
    });
    dies = true;
    return engine.applicationEntities;
  }

  it.each([
    ['a new entity', () => ({ attrs: { roles: ['viewer'] }, parents: [] })],
    ['another state of it', () => ({ attrs: { roles: ['editor'] }, parents: [] })],
  ])('is completed by the next reader of the model: %s', async (_, made) => {
    const recorded = changes().length;
    await expect((await dying()).put(name, made(), by)).rejects.toThrow(died);
    const reader = await start();
    expect(await reader.evaluate(asked, caller)).toMatchObject({ decision: true });
    expect(await reader.applicationEntities.find(name, by)).toMatchObject(made());
    expect(changes()).toHaveLength(recorded + 1);
    const { version } = await reader.applicationEntities.list('Interop', { by });
    expect(changes().at(-1)?.data).toMatchObject({ version });
  });

  it('is completed by the next writer, on nodes that did not know of it and all look at once', async () => {
    const nodes = await Promise.all([start(), start(), start()]);
    await expect((await dying()).put(name, { attrs: { roles: [] }, parents: [] }, by)).rejects.toThrow(died);
    await Promise.all(
      nodes.map(async ({ applicationEntities, evaluate }, index) => {
        await applicationEntities.put(user(`e${index}`), { attrs, parents: [] }, by);
        expect(await evaluate(asked, caller)).toMatchObject({ decision: true });
        expect(await applicationEntities.find(name, by)).toMatchObject({ attrs: { roles: [] } });
      }),
    );
  });

  it('is completed for a removal as well', async () => {
    await (await start()).applicationEntities.put(name, { attrs, parents: [] }, by);
    const recorded = changes().length;
    await expect((await dying()).remove(name, by)).rejects.toThrow(died);
    const reader = await start();
    expect(await reader.evaluate(asked, caller)).toMatchObject({ decision: true });
    const missing = { code: 'application_entity_not_found' };
    await expect(reader.applicationEntities.find(name, by)).rejects.toMatchObject(missing);
    await expect(reader.applicationEntities.remove(name, by)).rejects.toMatchObject(missing);
    expect(changes()).toHaveLength(recorded + 1);
  });

  it('does not legitimise a forged row: what was written into it meanwhile is not used by any decision', async () => {
    const { applicationEntities } = await start();
    await applicationEntities.put(name, { attrs: { roles: ['viewer'] }, parents: [] }, by);
    const pool = world.rig.scratch.pool('policy-engine');
    const forge = (change: string) => pool.query(`update application_entities set ${change} where id = 'interrupted'`);
    await forge(`document = replace(document, 'viewer', 'admin')`);
    const unproven = { reasons: [{ code: 'entities_unproven' }] };
    expect(await (await start()).evaluate(asked, caller)).toMatchObject(unproven);
    // The row is older than its newest record, so it is rewritten whatever it says.
    await applicationEntities.put(name, { attrs: { roles: ['editor'] }, parents: [] }, by);
    const [before] = changes().slice(-2);
    await forge(`document = replace(document, 'editor', 'admin'), record_id = '${before?.id}'`);
    const reader = await start();
    expect(await reader.evaluate(asked, caller)).toMatchObject({ decision: true });
    expect(await reader.applicationEntities.find(name, by)).toMatchObject({ attrs: { roles: ['editor'] } });
    await pool.query(`insert into application_entities select namespace, type, 'eve', replace(document, 'interrupted', 'eve'),
      record_id from application_entities where id = 'interrupted'`);
    expect(await (await start()).evaluate(asked, caller)).toMatchObject(unproven);
    await pool.query(`delete from application_entities where id = 'eve'`);
    await applicationEntities.remove(name, by);
  });

  it('by a process that has lost its lock is recorded after what another process recorded first', async () => {
    const { log } = world.rig;
    let overtaken = false;
    const late = await start({
      audit: {
        ...log,
        async append(draft: Parameters<typeof log.append>[0]) {
          // The other process, which now holds the lock, has just recorded its own change.
          if (!overtaken) await log.append({ ...draft, subject: { id: 'service:another' } });
          overtaken = true;
          return log.append(draft);
        },
      },
    });
    const entity = { attrs: { roles: ['viewer'] }, parents: [] };
    const { recordId } = await late.applicationEntities.put(name, entity, by);
    expect(changes().slice(-2)).toMatchObject([{ subject: { id: 'service:another' } }, { id: recordId }]);
    expect(await late.evaluate(asked, caller)).toMatchObject({ decision: true });
  });
});
