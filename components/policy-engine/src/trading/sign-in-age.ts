/** A sign-in may be so much newer than our clock; beyond that its age says nothing. */
const clockSkewSeconds = 60;

/**
 * How long ago somebody had signed in.
 *
 * @param signIn.at milliseconds since the epoch
 * @param signIn.authTime seconds since the epoch
 * @returns whole seconds; undefined where nobody signed in, or at a time that cannot be
 */
export function ageOfSignIn({
  at,
  authTime,
}: {
  readonly at: number;
  readonly authTime?: number | undefined;
}): number | undefined {
  if (authTime === undefined) return undefined;
  const age = Math.floor(at / 1000) - authTime;
  return age < -clockSkewSeconds || !Number.isSafeInteger(age) ? undefined : Math.max(age, 0);
}
