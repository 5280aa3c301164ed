import type { Client } from '@countersign/contracts';
import { createLogger } from '@countersign/runtime';
import { createMemoryNotices, type FixedClock, fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker, tradingWorld } from '../testing/trading-world.ts';
import { createKeyReminders, type KeyReminders } from './key-reminders.ts';

const dayMs = 86_400_000;
const registeredAt = Date.parse('2026-01-01T00:00:00Z');
const keyAge = { maxDays: 365, warnDays: 30 };
const logger = createLogger({ level: 'silent', name: 'test' });

let clock: FixedClock;
let clients: readonly Client[];
let notices: ReturnType<typeof createMemoryNotices>;
let running: KeyReminders[];
beforeEach(() => {
  clock = fixedClock(registeredAt);
  notices = createMemoryNotices();
  running = [];
  clients = [clientWith({ registeredAt })];
});
afterEach(() => Promise.all(running.map((reminders) => reminders.stop())));

function clientWith(key: object, others: Partial<Client> = {}): Client {
  const client = tradingWorld().directory.snapshot().client('vwap-engine');
  if (client === undefined) throw new Error('a world without this client');
  const [registered] = client.keys;
  if (registered === undefined) throw new Error('a client without keys');
  return { ...client, institution: broker, keys: [{ ...registered, ...key }], ...others };
}

async function start(operator = 'another institution'): Promise<KeyReminders> {
  const directory = { snapshot: () => ({ ...tradingWorld().directory.snapshot(), clients: () => clients }) };
  const reminders = createKeyReminders({ directory, notices, clock, logger, keyAge, operator });
  running.push(reminders);
  await reminders.run();
  return reminders;
}

const daysLeft = async (reminders: KeyReminders, days: number): Promise<number> => {
  clock.advance(registeredAt + (keyAge.maxDays - days) * dayMs - clock.now());
  await reminders.run();
  return notices.told.length;
};

describe('reminders of client keys', () => {
  it('are sent to the administrators of the institution a month, a week and a day before expiry, each once', async () => {
    const reminders = await start();
    const sent: number[] = [];
    for (const days of [31, 30, 29, 8, 7, 6, 2, 1, 0.5]) sent.push(await daysLeft(reminders, days));
    expect(sent).toEqual([0, 1, 1, 1, 2, 2, 2, 3, 3]);
    expect(notices.told[0]).toMatchObject({
      to: { role: 'administrator', institution: broker },
      kind: 'client-key-ending',
      text: expect.stringMatching(/vwap-engine reaches its maximum age on 2027-01-01\. Register a new key/),
      facts: { client: 'vwap-engine', ends_at: '2027-01-01T00:00:00.000Z' },
    });
  });

  it('are not sent again by another node, nor for an expired key', async () => {
    await daysLeft(await start(), 20);
    const other = await start();
    expect(await daysLeft(other, 19)).toBe(1);
    expect(await daysLeft(other, -1)).toBe(1);
  });

  it('are sent to the operator for its own clients', async () => {
    await daysLeft(await start(broker), 5);
    expect(notices.told).toMatchObject([{ to: { role: 'operator', institution: broker } }]);
  });

  it('are not sent for fetched keys or replaced keys', async () => {
    clients = [clientWith({ registeredAt }, { jwksUri: 'https://desk.example/keys' })];
    const reminders = await start();
    expect(await daysLeft(reminders, 5)).toBe(0);
    clients = [clientWith({ registeredAt: clock.now() })];
    expect(await daysLeft(reminders, 4)).toBe(0);
  });

  it('are sent later if they cannot be stored now', async () => {
    const reminders = await start();
    notices.failWith(new Error('no database'));
    await expect(daysLeft(reminders, 30)).rejects.toThrow('no database');
    notices.failWith(undefined);
    expect(await daysLeft(reminders, 29)).toBe(1);
  });
});
