import type { ScratchDatabase } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { createCredentialHolderStore } from './credential-holder-store.ts';

describe('the holder of a credential', () => {
  let database: ScratchDatabase;
  const node = () => createCredentialHolderStore(database.pool('authorization-server'));
  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations] });
  });
  afterAll(() => database.drop());

  it('is one client among many that claim it simultaneously on two nodes, and stays so after a restart', async () => {
    const [one, two] = [node(), node()];
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : two).claim('key a', `client-${index}`)),
    );
    const [holder] = claims;
    expect(new Set(claims)).toEqual(new Set([holder]));
    expect(await node().claim('key a', 'somebody-else')).toBe(holder);
  });

  it('changes once, when its client has been removed', async () => {
    await node().claim('key b', 'gone');
    const taken = await Promise.all(['first', 'second'].map((client) => node().takeOver('key b', 'gone', client)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await node().claim('key b', 'third')).toBe(taken[0] === true ? 'first' : 'second');
  });
});
