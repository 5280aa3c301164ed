import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningPolicyEngine } from './index.ts';
import { directoryOf, own, transactionOf } from './testing/desk.ts';
import { createEngineRig, type EngineRig } from './testing/engine-rig.ts';

const caller = { id: 'service:own', institution: own };
const facts = transactionOf('trade_order');
const factsWithinMs = 2_000;

describe('a version that a question has to wait for', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  beforeAll(async () => {
    rig = await createEngineRig({ policies: '@id("everything") permit (principal, action, resource);' });
    rig.transactions.set(facts.id, { facts, parties: [own] });
    engine = await rig.start({
      factsWithinMs,
      directory: {
        snapshot: () => rig.directory,
        async snapshotAtLeast(version) {
          vi.advanceTimersByTime(factsWithinMs + 1);
          rig.directory = directoryOf({ version });
          return rig.directory;
        },
      },
    });
  });
  afterAll(() => rig.close());
  afterEach(() => void vi.useRealTimers());

  const asking = (version: number) => ({
    subject: { type: 'person', id: 'person:own' },
    resource: { type: 'transaction', id: facts.id },
    context: { acr: 'phr', entity_version: version },
  });

  it('leaves its facts all of their time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const answer = await engine.evaluate({ ...asking(7), action: { name: 'order:create' } }, caller);
    expect(answer).toMatchObject({ decision: true, reasons: [], entityVersion: 7 });
  });

  it('leaves those of a search all of their time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { results, entityVersion } = await engine.search({ ...asking(8), kind: 'action' }, caller);
    expect(results).toContainEqual({ name: 'order:create' });
    expect(entityVersion).toBe(8);
  });
});
