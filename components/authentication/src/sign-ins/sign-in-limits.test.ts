import { createLogger, createMetrics } from '@countersign/runtime';
import { fixedClock } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anna, ben } from '../testing/people.ts';
import { begin, createSignInWorld, formOf, type SignInWorld, signIn } from '../testing/sign-in-world.ts';
import { createFailureAlarm } from './failure-alarm.ts';
import { createSignInLimits } from './sign-in-limits.ts';

describe('the limits of sign-ins', () => {
  let world: SignInWorld;
  beforeAll(async () => {
    world = await createSignInWorld();
  });
  afterAll(() => world.close());

  it('stop one browser for a minute, and neither another browser nor the person', async () => {
    const node = world.node({ limits: { perBrowser: 3 } });
    const busy = node.browser();
    const path = await begin(node);
    await busy.get(path);
    for (let shown = 0; shown < 3; shown++) expect((await busy.get(path)).statusCode).toBe(200);
    const stopped = await busy.get(path);
    expect([stopped.statusCode, stopped.body]).toEqual([429, expect.stringContaining('sign_in_too_many')]);
    expect((await signIn(node, node.browser(), anna)).statusCode).toBe(303);
    world.clock.advance(120_000);
    expect((await busy.get(path)).statusCode).toBe(200);
  });

  it('stop attempts, and accept a correct one again afterwards', async () => {
    const node = world.node({ limits: { perBrowser: 4 } });
    const browser = node.browser();
    const path = await begin(node);
    const form = await formOf(browser, path);
    const codes: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++)
      codes.push((await browser.post(path, { ...form, person: 'person:nobody' })).statusCode);
    expect(codes.at(-1)).toBe(429);
    world.clock.advance(120_000);
    expect((await browser.post(path, { ...(await formOf(browser, path)), person: ben.id })).statusCode).toBe(303);
  });

  it('count an address across browsers, and leave other addresses alone', () => {
    const limits = createSignInLimits(fixedClock(0), { perAddress: 5, perBrowser: 100 });
    const from = (address: string, browserSecret?: string) => () => limits.require({ address, browserSecret });
    for (let count = 0; count < 5; count++) from('192.0.2.7', `browser ${count}`)();
    expect(from('192.0.2.7')).toThrow(expect.objectContaining({ code: 'sign_in_too_many' }));
    expect(from('192.0.2.8')).not.toThrow();
    for (let count = 0; count < 5; count++) from(`2001:db8:0:1::${count}`)();
    expect(from('2001:db8:0:1:ffff::1')).toThrow(expect.objectContaining({ code: 'sign_in_too_many' }));
    expect(from('2001:db8:0:2::1')).not.toThrow();
  });

  it('count started sign-ins per network separately from opened pages and attempts', () => {
    const limits = createSignInLimits(fixedClock(0), { perAddress: 3, perBrowser: 3 });
    for (let index = 0; index < 3; index++) limits.requireToBegin('192.0.2.1');
    expect(() => limits.requireToBegin('192.0.2.1')).toThrow(expect.objectContaining({ code: 'sign_in_too_many' }));
    expect(() => limits.requireToBegin('192.0.2.2')).not.toThrow();
    expect(() => limits.require({ address: '192.0.2.1', browserSecret: undefined })).not.toThrow();
  });

  it('limit the stored sign-ins of unauthenticated callers', async () => {
    const node = world.node({ limits: { perAddress: 3 } });
    for (let index = 0; index < 3; index++) await begin(node, { address: '192.0.2.1' });
    await expect(begin(node, { address: '192.0.2.1' })).rejects.toMatchObject({ code: 'sign_in_too_many' });
    await expect(begin(node, { address: '192.0.2.2' })).resolves.toMatch(/^\/sign-in\//);
  });

  it('remember no more entries than configured', () => {
    const limits = createSignInLimits(fixedClock(0), { perAddress: 1, perBrowser: 1, maxCounted: 2 });
    for (const address of ['a', 'b', 'c']) limits.require({ address, browserSecret: undefined });
    // The entry unused for longest is forgotten first.
    expect(() => limits.require({ address: 'a', browserSecret: undefined })).not.toThrow();
    expect(() => limits.require({ address: 'c', browserSecret: undefined })).toThrow();
  });
});

describe('the alarm for refused sign-ins', () => {
  it('counts each refusal and is raised once per network within ten minutes', async () => {
    const clock = fixedClock(0);
    const metrics = createMetrics();
    const alarm = createFailureAlarm({ clock, metrics, logger: createLogger({ level: 'silent', name: 'test' }) });
    const countOf = async (name: string) =>
      (await metrics.registry.getSingleMetric(name)?.get())?.values.map(({ value }) => value);
    const fail = (times: number, address = '192.0.2.7') => {
      for (let time = 0; time < times; time++) alarm.failed({ method: 'webauthn', code: 'signature_wrong', address });
    };
    fail(19);
    fail(19, '192.0.2.8');
    expect(await countOf('countersign_sign_in_alarms_total')).toEqual([0]);
    fail(10);
    expect(await countOf('countersign_sign_in_alarms_total')).toEqual([1]);
    expect(await countOf('countersign_sign_in_refusals_total')).toEqual([48]);
    clock.advance(10 * 60_000);
    fail(20);
    expect(await countOf('countersign_sign_in_alarms_total')).toEqual([2]);
  });
});
