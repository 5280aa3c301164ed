import { type AuthenticatorRegister, blockingSignals, parsePrincipalId } from '@countersign/contracts';

export type AccountStanding = 'settled' | 'locked' | 'unsettled';

export interface AccountDependencies {
  readonly authenticators?: Pick<AuthenticatorRegister, 'isLocked'> | undefined;
  /** Names of the active risk signals of a principal (see `PersonSignals`), from memory. */
  readonly signalsOf?: ((principal: string) => readonly string[]) | undefined;
}

/** The signals that stop a request stop approvals too. */
export function isUnsettled(person: string, { signalsOf }: Pick<AccountDependencies, 'signalsOf'>): boolean {
  return signalsOf?.(person).some((signal) => blockingSignals.has(signal)) === true;
}

export async function accountOf(id: string, dependencies: AccountDependencies): Promise<AccountStanding> {
  const person = parsePrincipalId(id);
  if (person !== undefined && (await dependencies.authenticators?.isLocked(person)) === true) return 'locked';
  return isUnsettled(id, dependencies) ? 'unsettled' : 'settled';
}
