import { createLogger, createScratchDatabase, type ScratchDatabase } from '@countersign/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figure } from '../measure.ts';
import { quickPace } from '../pace.ts';
import { requireNothingLost } from '../sign-ins/nothing-lost.ts';
import { startSignInSite } from '../sign-ins/sign-in-site.ts';
import { createParts } from '../starter.ts';
import { measureSignIns, signInSections } from './sign-ins.ts';

const { started, stop } = createParts();
let scratch: ScratchDatabase;
const place = () => ({
  inProcess: { scratch, logger: createLogger({ level: 'error', name: 'test' }) },
  started,
  onProgress: () => undefined,
});
beforeAll(async () => {
  scratch = await createScratchDatabase();
});
afterAll(async () => {
  await stop();
  await scratch?.drop();
});

describe('the suite of sign-ins', () => {
  it('measures ceremonies beside their lower bounds and a comparison library, and loses none', {
    timeout: 120_000,
  }, async () => {
    const results = await measureSignIns({ ...place(), pace: quickPace });
    for (const result of [...results.signIns, ...results.statements]) {
      expect(figure(result, 'rate')).toBeGreaterThan(0);
      expect(figure(result, 'cpuUs')).toBeGreaterThan(0);
    }
    expect(results.steps.map(({ results: contenders }) => contenders.length)).toEqual([2, 2]);
    expect(results.nothingLost).toMatchObject({ ceremonies: quickPace.signIns.ceremonies });
    const said = signInSections(results, quickPace).join('\n');
    for (const part of [
      'sign-ins a second and core',
      '@simplewebauthn/server alone',
      '40 sessions, each of the right person',
    ])
      expect(said).toContain(part);
  });

  it('ends without a result if a key’s counter differs from the stored one', async () => {
    const site = await startSignInSite(2, place());
    // A use of the key that the server never saw.
    const [holder] = site.people;
    const sabotaged = {
      ...site,
      ledger: {
        ...site.ledger,
        async counters() {
          holder?.key.get({ challenge: 'AAAA', rpId: 'sign-in.countersign.invalid', allowCredentials: [] });
          return site.ledger.counters();
        },
      },
    };
    await expect(requireNothingLost(sabotaged, { ceremonies: 4, connections: 2 })).rejects.toMatchObject({
      code: 'benchmark_lost',
      detail: expect.stringContaining('count of the key of person:trader-0-0: 2 instead of 3'),
    });
  });

  it('ends without a result when a session is gone', async () => {
    const site = await startSignInSite(2, place());
    let asked = 0;
    const robbed = {
      ...site,
      ledger: {
        ...site.ledger,
        async sessions() {
          asked += 1;
          if (asked === 2) for (const { person } of site.people) await site.authentication.endAllOf(person, 'robbed');
          return site.ledger.sessions();
        },
      },
    };
    await expect(requireNothingLost(robbed, { ceremonies: 4, connections: 2 })).rejects.toMatchObject({
      code: 'benchmark_lost',
      detail: expect.stringContaining('sessions: 0 instead of 4'),
    });
  });
});
