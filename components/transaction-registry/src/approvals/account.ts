import { type AuthenticatorRegister, blockingSignals, parsePrincipalId } from '@countersign/contracts';

/** How it is with the account of who approves. */
export type AccountStanding = 'settled' | 'locked' | 'unsettled';

export interface AccountDependencies {
  readonly authenticators?: Pick<AuthenticatorRegister, 'isLocked'> | undefined;
  /** Names of the signals that stand of a principal (see the contract of `PersonSignals`); it costs next to nothing to ask. */
  readonly signalsOf?: ((principal: string) => readonly string[]) | undefined;
}

/**
 * Signs that somebody else may be approving. An approval moves value as much as the request does: what stops the one
 * (`account-may-be-taken-over`, `recovered-lately-moves-nothing`) stops the other.
 */
export function isUnsettled(person: string, { signalsOf }: Pick<AccountDependencies, 'signalsOf'>): boolean {
  return signalsOf?.(person).some((signal) => blockingSignals.has(signal)) === true;
}

export async function accountOf(id: string, dependencies: AccountDependencies): Promise<AccountStanding> {
  const person = parsePrincipalId(id);
  if (person !== undefined && (await dependencies.authenticators?.isLocked(person)) === true) return 'locked';
  return isUnsettled(id, dependencies) ? 'unsettled' : 'settled';
}
