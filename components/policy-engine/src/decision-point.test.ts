import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningPolicyEngine } from './index.ts';
import { directoryOf, own, transactionOf } from './testing/desk.ts';
import { createEngineRig, type EngineRig } from './testing/engine-rig.ts';

const caller = { id: 'service:own', institution: own };
const facts = transactionOf('trade_order');
const factsWithinMs = 2_000;

describe('waiting for a newer version', () => {
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

  it('does not use up the time for gathering facts', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const answer = await engine.evaluate({ ...asking(7), action: { name: 'order:create' } }, caller);
    expect(answer).toMatchObject({ decision: true, reasons: [], entityVersion: 7 });
  });

  it('does not use up the time for the facts of a search', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { results, entityVersion } = await engine.search({ ...asking(8), kind: 'action' }, caller);
    expect(results).toContainEqual({ name: 'order:create' });
    expect(entityVersion).toBe(8);
  });
});
