import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, clientConfig, createScratchDatabase, type ScratchDatabase, transaction } from './index.ts';

// Detection is enabled for every test of this project (`testkit/src/vitest-setup.ts`).
describe('code that holds a connection', () => {
  let scratch: ScratchDatabase;
  let owner: pg.Pool;
  beforeAll(async () => {
    scratch = await createScratchDatabase({ components: [] });
    owner = new pg.Pool({ ...clientConfig(scratch.connection), max: 2 });
  });
  afterAll(async () => {
    await owner.end();
    await scratch.drop();
  });

  const message = 'a connection of this pool is asked for by what holds one already: use that one';

  it('fails in tests when it requests another from the pool, however deeply nested', async () => {
    const deep = async () => {
      await Promise.resolve();
      return ask(owner, 'select 1');
    };
    await expect(transaction(owner, deep)).rejects.toThrow(message);
    await expect(transaction(owner, () => transaction(owner, async () => 1))).rejects.toThrow(message);
    await expect(transaction(owner, async () => owner.query('select 1'))).rejects.toThrow(message);
  });

  it('may use the connection that it holds, and the pool again after releasing it', async () => {
    let later: Promise<unknown> | undefined;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await transaction(owner, async (client) => {
      later = released.then(() => ask(owner, 'select 1'));
      await ask(client, 'select 1');
    });
    release();
    await expect(later).resolves.toMatchObject({ rowCount: 1 });
    await expect(transaction(owner, (client) => ask(client, 'select 1'))).resolves.toMatchObject({ rowCount: 1 });
  });
});
