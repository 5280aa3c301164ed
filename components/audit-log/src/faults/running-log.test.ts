import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRig, draft, drafts, type Rig } from '../testing/rig.ts';
import { fetchExchange, startTestWitness, type TestWitness } from '../testing/test-witness.ts';

let rig: Rig;
let witness: TestWitness;
let folder: string;
beforeEach(async () => {
  rig = await createRig();
  witness = await startTestWitness('alpha');
  folder = mkdtempSync(join(tmpdir(), 'running-log-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rig.close();
  await witness.stop();
  rmSync(folder, { recursive: true });
});
const witnessing = () => ({
  policy: `${witness.line}quorum alpha\n`,
  exchange: fetchExchange,
  everyMs: 3_600_000,
  timeoutMs: 30_000,
  alarmAfterMs: 0,
});

describe('a log that is verified while it runs', () => {
  it('verifies even if more is appended, cosigned and published before the verification ends', async () => {
    const pool = rig.pool();
    const log = await rig.open({ pool, witnessing: witnessing() });
    await Promise.all(drafts(20).map((one) => log.append(one)));
    await log.checkpoint();
    const query = pool.query.bind(pool);
    let grown = 0;
    // Just before the check for checkpoints larger than the log.
    vi.spyOn(pool, 'query').mockImplementation(async (...statement: unknown[]) => {
      if (grown === 0 && /from cosignatures as shown/.test(String(statement[0]))) {
        grown++;
        await log.append(draft());
        await log.checkpoint();
      }
      return Reflect.apply(query, pool, statement);
    });
    expect(await log.verify()).toMatchObject({ ok: true });
    expect(grown).toBe(1);
  });
});

describe('a log that was stopped', () => {
  it('signs and shows nothing more, so that the next node can take the guard', async () => {
    const open = () => rig.open({ witnessing: witnessing(), headGuardFolder: folder });
    const first = await open();
    await first.append(draft());
    await first.checkpoint();
    // Pending calls are completed before the guard is released.
    const asked = Promise.allSettled([first.checkpoint(), first.published()]);
    await first.stop();
    const second = await open();
    const held = readFileSync(join(folder, 'head'), 'utf8');
    await asked;
    await rig.open({ witnessing: witnessing() }).then(async (other) => {
      await other.append(draft());
      await other.checkpoint();
    });
    await expect(first.checkpoint()).rejects.toMatchObject({ category: 'unavailable' });
    await first.published().catch(() => undefined);
    expect(readFileSync(join(folder, 'head'), 'utf8')).toBe(held);
    await second.append(draft());
    await second.checkpoint();
    expect(await second.verify()).toMatchObject({ ok: true });
  });
});
