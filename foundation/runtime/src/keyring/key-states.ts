import type { StoredKey } from './store.ts';

/**
 * `published`: in the key set, not used yet; `active`: signs; `retiring`: verifies what it signed until the last of
 * that has expired; `retired`: over; `withdrawn`: lost, and over from the moment that was known.
 */
export type KeyringState = 'published' | 'active' | 'retiring' | 'retired' | 'withdrawn';

type KeyTimes = Pick<StoredKey, 'generation' | 'kid' | 'activatesAt' | 'withdraws'> & {
  /** Its newest record says that it was withdrawn, whether or not the row that says so is there. */
  readonly ended?: boolean;
};

/**
 * The state of each key of one purpose at a time, by kid.
 *
 * The order of generations decides, and times only when a successor's turn has come: whatever the clocks of the nodes
 * say, a key that replaces a lost one is active wherever it is known, and there is no moment without an active key.
 *
 * @param keys of one purpose, oldest generation first
 */
export function statesOf(
  keys: readonly KeyTimes[],
  now: number,
  longestSignedLifeSeconds: number,
): ReadonlyMap<string, KeyringState> {
  const withdrawn = new Set(
    keys.flatMap(({ kid, withdraws, ended }) => (ended === true ? [kid, withdraws] : [withdraws])),
  );
  const hasStarted = (key: KeyTimes): boolean =>
    key.generation === keys[0]?.generation || key.withdraws !== null || key.activatesAt <= now;
  const active = keys.findLast((key) => hasStarted(key) && !withdrawn.has(key.kid));

  const stateOf = (key: KeyTimes): KeyringState => {
    if (withdrawn.has(key.kid)) return 'withdrawn';
    if (key === active) return 'active';
    if (active === undefined || key.generation > active.generation) return 'published';
    const successor = keys.find((other) => other.generation > key.generation && hasStarted(other));
    // One that was passed over before its turn came has signed nothing.
    if (successor === undefined || !hasStarted(key) || successor.activatesAt < key.activatesAt) return 'retired';
    return now < successor.activatesAt + longestSignedLifeSeconds * 1000 ? 'retiring' : 'retired';
  };
  return new Map(keys.map((key) => [key.kid, stateOf(key)]));
}

/**
 * Until when {@link statesOf} the same keys stays as it is, as long as the clock does not go back: the next time that it
 * compares with. Milliseconds since the epoch; infinity when nothing more is to come.
 */
export function unchangedUntil(keys: readonly KeyTimes[], now: number, longestSignedLifeSeconds: number): number {
  const times = keys.flatMap(({ activatesAt }) => [activatesAt, activatesAt + longestSignedLifeSeconds * 1000]);
  return Math.min(...times.filter((time) => time > now));
}
