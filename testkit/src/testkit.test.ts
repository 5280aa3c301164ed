import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFaultyProxy, createTestDatabase, fixedClock, seededRandom } from './index.ts';

describe('the fixed clock', () => {
  it('advances only when told to', () => {
    const clock = fixedClock(1000);
    expect(clock.now()).toBe(1000);
    clock.advance(5);
    expect(clock.now()).toBe(1005);
  });
});

describe('the seeded random', () => {
  it('repeats itself for one seed, however the draws are split, and differs for another', () => {
    const whole = Buffer.from(seededRandom('a').bytes(100));
    const random = seededRandom('a');
    expect(Buffer.concat([random.bytes(1), random.bytes(64), random.bytes(35)])).toEqual(whole);
    expect(Buffer.from(seededRandom('b').bytes(100))).not.toEqual(whole);
  });
});

describe('the test database', () => {
  it('gives each caller an empty database of its own, and drops it afterwards', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    expect(one.connection.database).not.toBe(two.connection.database);
    await one.drop();
    await two.drop();
  });
});

describe('the faulty proxy', () => {
  let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
  beforeAll(async () => {
    scratch = await createTestDatabase();
  });
  afterAll(() => scratch.drop());

  /** PostgreSQL answers an SSL request with one byte: the smallest possible exchange. */
  const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

  it('forwards, cuts, refuses, and restores on the same port', async () => {
    const proxy = await createFaultyProxy({ target: scratch.connection });
    const first = connect(proxy.port, proxy.host);
    first.write(sslRequest);
    const [answer] = (await once(first, 'data')) as [Buffer];
    expect(answer.toString()).toBe('N');
    const cut = once(first, 'close');
    proxy.cut();
    await cut;

    await proxy.refuse();
    const [error] = (await once(connect(proxy.port, proxy.host), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');

    await proxy.restore();
    const second = connect(proxy.port, proxy.host);
    second.write(sslRequest);
    expect(String((await once(second, 'data'))[0])).toBe('N');
    await proxy.close();
  });

  it('holds back data while it stalls, and delivers it afterwards', async () => {
    const proxy = await createFaultyProxy({ target: scratch.connection });
    proxy.stall();
    const socket = connect(proxy.port, proxy.host);
    await once(socket, 'connect');
    let answered = false;
    socket.once('data', () => {
      answered = true;
    });
    socket.write(sslRequest);
    const answer = once(socket, 'data');
    // A full round trip through the proxy takes well under this; the assertion holds at any speed.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    await proxy.restore();
    await answer;
    await proxy.close();
  });
});
