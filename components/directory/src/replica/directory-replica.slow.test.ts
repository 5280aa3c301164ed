import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { expect, it } from 'vitest';
import { createDirectoryReplica } from '../index.ts';
import { broker, exampleFile, exampleSeed } from '../testing/example-file.ts';
import { createRig, proposer } from '../testing/rig.ts';

it('holds a copy of 100,000 entities, and continues from it with one short page', async () => {
  const rig = await createRig();
  try {
    const owner = await rig.open();
    const file = exampleFile();
    const others = Object.values(file).flat().length;
    for (let number = others; number < 100_000; number++)
      file.accounts.push({ id: `BRK/ACCOUNT-${number}`, institution: broker, type: 'House' });
    await owner.apply(file, proposer);
    const pages: number[] = [];
    const replica = await createDirectoryReplica({
      source: {
        async changesSince(request) {
          const page = structuredClone(await owner.changesSince(request));
          if (page.changed.length > 0) pages.push(page.changed.length);
          return page;
        },
        plan: (given, options) => owner.plan(given, options),
        edit: (edit, by, options) => owner.edit(edit, by, options),
        clientDocument: (id) => owner.clientDocument(id),
      },
      log: rig.audit,
      clock: rig.clock,
      random: systemRandom,
      logger: createLogger({ level: 'silent', name: 'test' }),
      seed: exampleSeed(),
      startWithinMs: 120_000,
      waitMs: 30_000,
    });
    expect([...replica.snapshot().accounts()]).toHaveLength(100_000 - others + 1);
    expect(Math.max(...pages)).toBeLessThanOrEqual(1_000);
    pages.length = 0;
    const people = [{ id: 'person:new', institution: broker, roles: [], federated: [], credentials: [] }];
    const { version } = await owner.edit({ put: { people } }, proposer);
    expect((await replica.snapshotAtLeast(version)).principal('person:new')).toBeDefined();
    expect(pages).toEqual([1]);
    await replica.stop();
  } finally {
    await rig.close();
  }
});
