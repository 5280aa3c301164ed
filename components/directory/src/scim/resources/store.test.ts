import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScimRig, newUser, type ScimRig } from '../testing/scim-rig.ts';
import { createScimStore, type ScimStore } from './store.ts';

let rig: ScimRig;
let store: ScimStore;
beforeEach(async () => {
  rig = await createScimRig();
  store = createScimStore(rig.scratch.pool('directory'));
});
afterEach(() => rig.close());

const holderOf = async (entity: string) => {
  const holder = await store.holder(entity);
  if (holder === undefined) throw new Error('nobody');
  return holder;
};

describe('the external id', () => {
  it('is changed by one of several clients that read the same resource', async () => {
    await rig.client.send('POST', '/Users', newUser('eve', { externalId: 'hr-1' }));
    const read = await holderOf('person:eve');
    expect(await store.changeExternalId(read, 'hr-2')).toBe(true);
    expect(await store.changeExternalId(read, 'hr-3')).toBe(false);
    expect(await holderOf('person:eve')).toMatchObject({ externalId: 'hr-2', version: read.version });
  });

  it('ends with its person', async () => {
    const { id } = await rig.client.send('POST', '/Users', newUser('eve', { externalId: 'hr-1' }));
    const read = await holderOf('person:eve');
    await rig.client.send('DELETE', `/Users/${id}`);
    expect(await store.changeExternalId(read, 'hr-2')).toBe(false);
  });
});

describe('a person who has left', () => {
  it('is hidden only while their state is unchanged since', async () => {
    const anna = await holderOf('person:anna.keller');
    await store.hide('person:anna.keller');
    expect(await holderOf('person:anna.keller')).toEqual(anna);
    // Kept as a name, because they developed an algorithm that stays.
    await rig.client.send('DELETE', `/Users/${anna.scimId}`);
    expect(await holderOf('person:anna.keller')).toMatchObject({
      deleted: true,
      document: { active: false, roles: [] },
    });
  });
});
