import { keyPurposes, type ListedKey } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryNotices, fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyAgeReminders, type KeyAgeReminders } from './key-age-reminders.ts';

const dayMs = 86_400_000;
const activeFrom = Date.parse('2026-01-01T00:00:00Z');
const operator = '529900T8BM49AURSDO55';

const limits = { replaceAfterDays: 365, rotateEveryDays: 90, signAtMostDays: 180 };

let clock: ReturnType<typeof fixedClock>;
let notices: ReturnType<typeof createMemoryNotices>;
let keys: ListedKey[];
const running: KeyAgeReminders[] = [];
beforeEach(() => {
  clock = fixedClock(activeFrom);
  notices = createMemoryNotices();
  keys = [key({})];
});
afterEach(() => Promise.all(running.splice(0).map((reminders) => reminders.stop())));

function key(change: Partial<ListedKey>): ListedKey {
  const known = { purpose: 'log-checkpoint', kid: 'log-1', algorithm: 'EdDSA', state: 'active', jwk: {} } as const;
  return { ...known, publishedAt: activeFrom, activeFrom, place: { driver: 'software' }, ...change };
}

function start(): KeyAgeReminders {
  // Two processes, each with its keys; the first has none.
  const listers = [{ listKeys: async () => [] }, { listKeys: async () => keys }];
  const logger = createLogger({ level: 'silent', name: 'test' });
  const reminders = createKeyAgeReminders({ listers, notices, clock, logger, limits, operator });
  running.push(reminders);
  return reminders;
}

async function told(reminders: KeyAgeReminders, daysLeft: number, days = limits.replaceAfterDays): Promise<number> {
  clock.advance(activeFrom + (days - daysLeft) * dayMs - clock.now());
  await reminders.run();
  return notices.told.length;
}

describe('reminders of our own signing keys', () => {
  it('reach operators in stages before the maximum age, on it, and monthly afterwards, each once', async () => {
    const reminders = start();
    const sent: number[] = [];
    for (const days of [61, 60, 59, 30, 7, 1, 0, -1, -29, -30, -61]) sent.push(await told(reminders, days));
    expect(sent).toEqual([0, 1, 1, 2, 3, 4, 5, 5, 5, 6, 7]);
    expect(notices.told[0]).toMatchObject({
      to: { role: 'operator', institution: operator },
      kind: 'signing-key-ageing',
      text: expect.stringMatching(/log-1 \(log-checkpoint\) reaches its maximum age on 2027-01-01\. Hand the log over/),
      facts: { purpose: 'log-checkpoint', kid: 'log-1', ends_at: '2027-01-01T00:00:00.000Z' },
    });
    expect(notices.told.at(-1)?.text).toContain('reached its maximum age on 2027-01-01');
  });

  it('are sent once, whichever node runs them', async () => {
    expect(await told(start(), 30)).toBe(1);
    expect(await told(start(), 29)).toBe(1);
  });

  it('name the ceremony for the key of an issuing authority', async () => {
    keys = [key({ purpose: 'certificate-workload', kid: 'ca-1' })];
    expect(await told(start(), 7)).toBe(1);
    expect(notices.told[0]?.text).toContain('countersign key rotate certificate-workload');
  });

  it.each(keyPurposes)('reach operators before the key for %s reaches its maximum age', async (purpose) => {
    keys = [key({ purpose })];
    const byHand = purpose === 'log-checkpoint' || /^certificate-(?!status)/.test(purpose);
    const days = byHand ? limits.replaceAfterDays : limits.signAtMostDays;
    expect(await told(start(), 30, days)).toBe(1);
    expect(notices.told[0]).toMatchObject({
      text: expect.stringContaining(`countersign key rotate ${purpose}`),
      facts: { purpose, ends_at: toInstant(activeFrom + days * dayMs) },
    });
  });

  it('are sent for a key that rotates by itself as soon as its rotation is late', async () => {
    keys = [key({ purpose: 'access-token', kid: 'token-1' })];
    const reminders = start();
    const sent: number[] = [];
    for (const age of [0, 89, 90, 91, 119, 120, 150, 173, 179, 180, 181, 210])
      sent.push(await told(reminders, 180 - age, 180));
    expect(sent).toEqual([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 6, 7]);
    expect(notices.told[0]?.text).toMatch(/reaches its maximum age on 2026-06-30\. Its rotation fails/);
    expect(notices.told.at(-1)?.text).toContain('reached its maximum age on 2026-06-30');
    keys = [key({ purpose: 'access-token', kid: 'token-1' }), key({ purpose: 'access-token', state: 'published' })];
    expect(await told(reminders, -200, 180)).toBe(7);
  });

  it('are not sent once a successor is published', async () => {
    keys = [key({ purpose: 'log-checkpoint' }), key({ kid: 'log-2', state: 'published' })];
    expect(await told(start(), -10)).toBe(0);
    keys = [key({ state: 'retiring' })];
    expect(await told(start(), -11)).toBe(0);
  });

  it('are sent later if the notices fail', async () => {
    const reminders = start();
    notices.failWith(new Error('no channel'));
    await expect(told(reminders, 7)).rejects.toThrow('no channel');
    notices.failWith(undefined);
    expect(await told(reminders, 7)).toBe(1);
  });
});
