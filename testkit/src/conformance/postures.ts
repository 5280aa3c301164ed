import type { DevicePosture, Devices } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixedClock } from '../fixed-clock.ts';

export interface PosturesUnderTest {
  /** The implementation under test: the owner itself, or a copy in another process. */
  readonly reader: Pick<Devices, 'postureOf'>;
  readonly clock: FixedClock;
  /** A device of the feed's institution that is compliant in the directory. */
  readonly device: string;
  /** A device of another institution that is compliant in the directory. */
  readonly foreign: string;
  /** A report of the feed, taken by the owner: each device as it is found now. */
  report(
    ...found: readonly { readonly device: string; readonly posture: DevicePosture['posture'] }[]
  ): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The contract of postures, for every implementation. */
export function describePostures(name: string, make: () => Promise<PosturesUnderTest>): void {
  describe(`the contract of device postures, implemented by ${name}`, () => {
    let made: PosturesUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());

    const nowIs = () => new Date(made.clock.now()).toISOString();

    it('shows what the directory says until something newer is reported', async () => {
      const { reader, device } = made;
      expect(reader.postureOf(device)).toMatchObject({ posture: 'compliant', source: 'directory' });
      expect(reader.postureOf('device:unheard-of')).toBeUndefined();
    });

    it('soon shows what was found, and the time of the last check', async () => {
      const { reader, device, clock } = made;
      clock.advance(1_000);
      const failedAt = nowIs();
      await made.report({ device, posture: 'failing' });
      await expect.poll(() => reader.postureOf(device)).toMatchObject({ posture: 'failing', postureAt: failedAt });
      for (let report = 0; report < 2; report++) {
        clock.advance(60_000);
        const lookedAt = nowIs();
        await made.report({ device, posture: 'compliant' });
        await expect.poll(() => reader.postureOf(device)).toMatchObject({ posture: 'compliant', postureAt: lookedAt });
      }
    });

    it('ignores one institution’s feed about another’s devices', async () => {
      const { reader, device, foreign, clock } = made;
      clock.advance(1_000);
      await made.report({ device: foreign, posture: 'failing' }, { device, posture: 'failing' });
      await expect.poll(() => reader.postureOf(device)?.posture).toBe('failing');
      expect(reader.postureOf(foreign)).toMatchObject({ posture: 'compliant', source: 'directory' });
    });
  });
}
