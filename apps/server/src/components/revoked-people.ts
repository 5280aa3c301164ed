import { type AuthenticatorRegister, type StandingReader, standingRevocation } from '@countersign/contracts';

/**
 * Makes the authenticator register treat a revoked person as locked: the person cannot approve, and earlier approvals do not
 * count until the revocation is lifted.
 */
export function lockingRevoked<Register extends Pick<AuthenticatorRegister, 'isLocked'>>(
  register: Register,
  log: StandingReader,
): Register {
  const isLocked: AuthenticatorRegister['isLocked'] = async (person) => {
    if (await register.isLocked(person)) return true;
    const parties = { principals: [person], clients: [], institutions: [], mandates: [] };
    return (await standingRevocation(parties, log)) !== undefined;
  };
  return { ...register, isLocked };
}
