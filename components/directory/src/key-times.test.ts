import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from './index.ts';
import { type Document, fileWithServices, tradingDesk } from './testing/example-clients.ts';
import { exampleKeyPair, exampleSeed, operator } from './testing/example-file.ts';
import { createRig, proposer, type Rig } from './testing/rig.ts';

const dayMs = 24 * 3_600_000;
const one = exampleKeyPair('one').publicJwk;
const two = exampleKeyPair('two').publicJwk;

let rig: Rig;
let start: number;
beforeEach(async () => {
  rig = await createRig();
  start = rig.clock.now();
});
afterEach(() => rig.close());

const desk = (...keys: readonly Document[]): Document => ({
  ...tradingDesk(),
  environment: 'sandbox',
  jwks: { keys },
});
const put = (directory: DirectoryComponent, ...keys: readonly Document[]) =>
  directory.edit({ put: { clients: [desk(...keys)] } }, proposer);
const timesOf = (directory: DirectoryComponent, client = 'broker-desk'): Record<string, number> =>
  Object.fromEntries(
    (directory.snapshot().client(client)?.keys ?? []).map(({ jwk, registeredAt }) => [jwk['kid'], registeredAt]),
  );

describe('the age of a client key', () => {
  it('counts from when the key first appeared, not from later changes of the client or the file', async () => {
    const directory = await rig.open();
    await directory.apply(fileWithServices(), proposer);
    await put(directory, one);
    rig.clock.advance(dayMs);
    await put(directory, one, two);
    expect(timesOf(directory)).toEqual({ one: start, two: start + dayMs });
    rig.clock.advance(dayMs);
    const file = fileWithServices();
    await directory.apply(
      { ...file, clients: [...file.clients, { ...desk(one, two), client_name: 'Desk' }] },
      proposer,
    );
    expect(timesOf(directory)).toEqual({ one: start, two: start + dayMs });
    expect(timesOf(directory, 'broker-oms')).toEqual({ 'oms-1': start });
    const other = await rig.open();
    expect(timesOf(other)).toEqual({ one: start, two: start + dayMs });
  });

  it('is kept when the key is removed and comes back, or gets another name', async () => {
    const directory = await rig.open();
    await directory.apply(fileWithServices(), proposer);
    await put(directory, one);
    rig.clock.advance(dayMs);
    await put(directory, two);
    expect(timesOf(directory)).toEqual({ two: start + dayMs });
    rig.clock.advance(dayMs);
    await put(directory, { ...one, kid: 'fresh' });
    expect(timesOf(directory)).toEqual({ fresh: start });
  });

  it('is the same on two nodes that see the key at the same time', async () => {
    const seed = {
      ...exampleSeed(),
      clients: [{ ...desk(one, two), institution: operator, principal: 'service:operator', audiences: [] }],
    };
    const later = { now: () => start + dayMs };
    const [first, second] = await Promise.all([rig.open({ seed }), rig.open({ seed, clock: later })]);
    expect(Object.keys(timesOf(first))).toHaveLength(2);
    expect(timesOf(second)).toEqual(timesOf(first));
  });

  it('is kept for clients of the installation itself, across restarts', async () => {
    const seed = {
      ...exampleSeed(),
      clients: [{ ...desk(one), institution: operator, principal: 'service:operator', audiences: [] }],
    };
    await rig.open({ seed });
    rig.clock.advance(dayMs);
    expect(timesOf(await rig.open({ seed }))).toEqual({ one: start });
  });

  it('counts from the start of this release for a client that already existed', async () => {
    const directory = await rig.open();
    await directory.apply(fileWithServices(), proposer);
    await rig.scratch.pool('directory').query('delete from client_keys');
    rig.clock.advance(dayMs);
    expect(timesOf(await rig.open(), 'broker-oms')).toEqual({ 'oms-1': start + dayMs });
    rig.clock.advance(dayMs);
    expect(timesOf(await rig.open(), 'broker-oms')).toEqual({ 'oms-1': start + dayMs });
  });

  it('is not stored by a change that was not made', async () => {
    const directory = await rig.open();
    await directory.apply(fileWithServices(), proposer);
    rig.breakLog(true);
    await expect(put(directory, one)).rejects.toMatchObject({ code: 'log_unavailable' });
    rig.breakLog(false);
    rig.clock.advance(dayMs);
    await put(directory, one);
    expect(timesOf(directory)).toEqual({ one: start + dayMs });
  });
});
