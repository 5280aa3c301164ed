import { type AuthenticatorRegister, type PersonSignal, parsePrincipalId } from '@countersign/contracts';

/** How it is with the account of who approves. */
export type AccountStanding = 'settled' | 'locked' | 'unsettled';

export interface AccountDependencies {
  readonly authenticators?: Pick<AuthenticatorRegister, 'isLocked'> | undefined;
  /** Names of the signals that stand of a principal (see the contract of `PersonSignals`); it costs next to nothing to ask. */
  readonly signalsOf?: ((principal: string) => readonly string[]) | undefined;
}

/**
 * Signs that it may be somebody else who approves. The word of a second person moves value as much as that of the first:
 * what stops the one (`account-may-be-taken-over`, `recovered-lately-moves-nothing`) stops the other.
 */
const unsettling: ReadonlySet<string> = new Set<PersonSignal>([
  'account-disabled',
  'credential-compromised',
  'impossible-travel',
  'recovery-cooling-off',
  'session-hijacked',
]);

export function isUnsettled(person: string, { signalsOf }: Pick<AccountDependencies, 'signalsOf'>): boolean {
  return signalsOf?.(person).some((signal) => unsettling.has(signal)) === true;
}

export async function accountOf(id: string, dependencies: AccountDependencies): Promise<AccountStanding> {
  const person = parsePrincipalId(id);
  if (person !== undefined && (await dependencies.authenticators?.isLocked(person)) === true) return 'locked';
  return isUnsettled(id, dependencies) ? 'unsettled' : 'settled';
}
