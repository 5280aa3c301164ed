import type { PersonSignals, PrincipalId } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixedClock } from '../fixed-clock.ts';

export interface PersonSignalsUnderTest {
  /** Another node of the owner. */
  readonly elsewhere: PersonSignals;
  /** The implementation under test: the owner itself, or a copy in another process. */
  readonly reader: PersonSignals;
  readonly clock: FixedClock;
  /** A person without any signal. */
  somebody(): PrincipalId;
  close(): Promise<unknown>;
}

const hourMs = 3_600_000;

/** The contract of risk signals, for every implementation. */
export function describePersonSignals(name: string, make: () => Promise<PersonSignalsUnderTest>): void {
  describe(`the contract of risk signals, implemented by ${name}`, () => {
    let made: PersonSignalsUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());

    const until = (hours: number) => toInstant(made.clock.now() + hours * hourMs);
    const why = 'a test';

    it('shows at once what was raised and cleared through it, and nothing of anybody else', async () => {
      const { reader } = made;
      const [person, other] = [made.somebody(), made.somebody()];
      expect(reader.of(person)).toEqual([]);
      await reader.raise({ person, name: 'impossible-travel', until: until(2), why });
      await reader.raise({ person, name: 'device-new', until: until(1), why });
      expect(reader.of(person)).toEqual(['device-new', 'impossible-travel']);
      expect(reader.of(other)).toEqual([]);
      await reader.clear(person, 'device-new', 'person:olga.second');
      expect(reader.of(person)).toEqual(['impossible-travel']);
      await reader.raise({ person, name: 'device-new', until: until(1), why });
      expect(reader.of(person)).toEqual(['device-new', 'impossible-travel']);
    });

    it('soon shows what was raised and cleared elsewhere', async () => {
      const { reader, elsewhere } = made;
      const person = made.somebody();
      await elsewhere.raise({ person, name: 'account-disabled', until: until(2), why });
      await expect.poll(() => reader.of(person)).toEqual(['account-disabled']);
      await elsewhere.clear(person, 'account-disabled', 'person:olga.second');
      await expect.poll(() => reader.of(person)).toEqual([]);
    });

    it('ends each signal at its time, which a smaller cause does not shorten', async () => {
      const { reader, clock } = made;
      const person = made.somebody();
      await reader.raise({ person, name: 'credential-compromised', until: until(5), why });
      await reader.raise({ person, name: 'credential-compromised', until: until(1), why });
      clock.advance(2 * hourMs);
      expect(reader.of(person)).toEqual(['credential-compromised']);
      await reader.raise({ person, name: 'credential-compromised', until: until(4), why });
      clock.advance(3 * hourMs);
      expect(reader.of(person)).toEqual(['credential-compromised']);
      clock.advance(hourMs);
      expect(reader.of(person)).toEqual([]);
    });
  });
}
