import { CodedError, systemRandom } from '@countersign/kernel';
import { fixedClock } from '@countersign/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AttesterDoor, Standing } from './control-plane.ts';
import type { Svid } from './svid.ts';
import { createSvidSource, type SvidSource } from './svid-source.ts';

const clock = fixedClock(Date.parse('2026-11-25T10:00:00Z'));
const hourMs = 3_600_000;
let source: SvidSource | undefined;

/** A control plane whose answers the test sets. */
function createWorld() {
  let issued = 0;
  let refusal: CodedError | undefined;
  let standing: Standing = { is: 'active' };
  let outdated = 'none';
  let fingerprint = 'first';
  const svidNow = (): Svid => ({
    ...{ spiffeId: 'spiffe://bank.example/service/risk', chain: [], privateKey: new Uint8Array(), roots: [] },
    ...{
      notAfter: clock.now() + hourMs,
      serial: String(issued),
      level: 'kernel-observed',
      attestation: `rec_${issued}`,
    },
  });
  let asked = 0;
  const door: AttesterDoor = {
    async obtainSvid(_, gather) {
      asked += 1;
      await gather('key');
      if (refusal !== undefined) throw refusal;
      issued += 1;
      return svidNow();
    },
    readStanding: async (_, attestation) => {
      if (refusal?.category === 'unavailable') throw refusal;
      return outdated === attestation ? { is: 'renew' } : standing;
    },
    obtainToken: async () => ({ spiffeId: '', token: '' }),
    obtainTokenKeys: async () => [],
  };
  source = createSvidSource({
    ...{ entry: 'risk', door, clock, random: systemRandom, everyMs: 10 },
    evidence: { gather: async () => [], fingerprint: async () => fingerprint },
  });
  const running = source;
  return {
    asked: () => asked,
    issued: () => issued,
    state: () => running.state(),
    refuseWith: (code: string, category: 'forbidden' | 'unavailable') => {
      refusal = new CodedError({ code, category, detail: 'no' });
    },
    permit: () => {
      refusal = undefined;
    },
    endWith: (code: string | undefined) => {
      standing = code === undefined ? { is: 'active' } : { is: 'ended', code, detail: 'over' };
    },
    outdate: (attestation: string) => {
      outdated = attestation;
    },
    change: (to: string) => {
      fingerprint = to;
    },
    ready: () => vi.waitFor(() => expect(running.state().is).toBe('ready')),
    ended: (code: string) => vi.waitFor(() => expect(running.state()).toMatchObject({ is: 'ended', code })),
  };
}
afterEach(() => source?.stop());

describe('the certificate of a workload', () => {
  it('is renewed in the second half of its lifetime, with another key', async () => {
    const world = createWorld();
    await world.ready();
    clock.advance(hourMs * 0.49);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.issued()).toBe(1);
    clock.advance(hourMs * 0.27);
    await vi.waitFor(() => expect(world.issued()).toBe(2));
  });

  it('stays while the control plane is unreachable, until it expires', async () => {
    const world = createWorld();
    await world.ready();
    world.refuseWith('log_unavailable', 'unavailable');
    clock.advance(hourMs * 0.9);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.state().is).toBe('ready');
    clock.advance(hourMs * 0.2);
    await world.ended('svid_expired');
    world.permit();
    await world.ready();
  });

  it('ends when the control plane says so, and returns when it is permitted again', async () => {
    const world = createWorld();
    await world.ready();
    world.endWith('workload_ended');
    await world.ended('workload_ended');
    world.endWith(undefined);
    await world.ready();
  });

  it('is renewed as soon as the control plane says that its attestation is outdated', async () => {
    const world = createWorld();
    await world.ready();
    world.outdate('rec_1');
    await vi.waitFor(() => expect(world.issued()).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.issued()).toBe(2);
    world.refuseWith('workload_configuration_differs', 'forbidden');
    world.outdate('rec_2');
    await world.ended('workload_configuration_differs');
  });

  it('ends at a refusal, which is retried slowly, and at once after a change', async () => {
    const world = createWorld();
    await world.ready();
    world.refuseWith('workload_image_differs', 'forbidden');
    world.change('second');
    await world.ended('workload_image_differs');
    const before = world.asked();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // The clock stands still, so no retry is due.
    expect(world.asked()).toBe(before);
    world.permit();
    world.change('third');
    await world.ready();
  });
});
