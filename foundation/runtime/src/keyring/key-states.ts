import type { StoredKey } from './store.ts';

/**
 * `published`: in the key set but unused; `active`: signs; `retiring`: verifies existing signatures until the last of them has
 * expired; `retired`: no longer used; `withdrawn`: compromised, and invalid from the moment that was known.
 */
export type KeyringState = 'published' | 'active' | 'retiring' | 'retired' | 'withdrawn';

type KeyTimes = Pick<StoredKey, 'generation' | 'kid' | 'activatesAt' | 'withdraws'> & {
  /** Its newest record withdraws it, whether or not the row of its replacement exists. */
  readonly ended?: boolean;
};

/**
 * The state of each key of one purpose at a given time, by kid.
 * Generations determine the order, and times only when a successor becomes active. So a key that replaces a compromised one is
 * active wherever it is known, regardless of clock differences between nodes, and there is always an active key.
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
    // A key that was skipped before it became active has signed nothing.
    if (successor === undefined || !hasStarted(key) || successor.activatesAt < key.activatesAt) return 'retired';
    return now < successor.activatesAt + longestSignedLifeSeconds * 1000 ? 'retiring' : 'retired';
  };
  return new Map(keys.map((key) => [key.kid, stateOf(key)]));
}

/**
 * Until when the result of {@link statesOf} stays valid for the same keys, as long as the clock does not go back. Milliseconds
 * since the epoch; infinity when nothing changes any more.
 */
export function unchangedUntil(keys: readonly KeyTimes[], now: number, longestSignedLifeSeconds: number): number {
  const times = keys.flatMap(({ activatesAt }) => [activatesAt, activatesAt + longestSignedLifeSeconds * 1000]);
  return Math.min(...times.filter((time) => time > now));
}
