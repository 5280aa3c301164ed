import type { AuthenticatorRegister } from './authenticators.ts';
import { kindOfPrincipal, type PrincipalId, parsePrincipalId } from './principals.ts';

/**
 * Whether two sides are certainly two different people. An inviter could have enrolled a key of their own in the name of the
 * invited person, so inviter and invited are not independent, in either direction.
 *
 * @param one principal ids of one side: subject and acting chain
 */
export type Independence = (one: readonly string[], other: readonly string[]) => Promise<boolean>;

export function createIndependence({ invitersOf }: Pick<AuthenticatorRegister, 'invitersOf'>): Independence {
  const invited = async (ones: readonly string[], others: readonly string[]): Promise<boolean> => {
    for (const person of peopleAmong(others))
      if ((await invitersOf(person)).some((inviter) => ones.includes(inviter))) return true;
    return false;
  };
  return async (one, other) => !(await invited(one, other)) && !(await invited(other, one));
}

function peopleAmong(ids: readonly string[]): readonly PrincipalId[] {
  return ids.flatMap((id) => {
    const principal = parsePrincipalId(id);
    return principal !== undefined && kindOfPrincipal(principal) === 'person' ? [principal] : [];
  });
}

/** Shown when the second of two people is refused. */
export const notIndependentDetail =
  'You and who proposed this are not independent: one of you invited the other to enrol a key. Somebody else has to approve it.';
