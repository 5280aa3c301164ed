import {
  type AuthenticatorRegister,
  blockingSignals,
  type DirectorySnapshot,
  parsePrincipalId,
  revokedAmong,
  type StandingReader,
  tradesOnSameDesk,
} from '@countersign/contracts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';

export type AccountStanding = 'settled' | 'locked' | 'unsettled';

export interface AccountDependencies {
  readonly authenticators?: Pick<AuthenticatorRegister, 'isLocked'> | undefined;
  /** Names of the active risk signals of a principal (see `PersonSignals`), from memory. */
  readonly signalsOf?: ((principal: string) => readonly string[]) | undefined;
}

/** The signals that stop a request stop approvals too. */
function isUnsettled(person: string, { signalsOf }: Pick<AccountDependencies, 'signalsOf'>): boolean {
  return signalsOf?.(person).some((signal) => blockingSignals.has(signal)) === true;
}

export async function accountOf(id: string, dependencies: AccountDependencies): Promise<AccountStanding> {
  const person = parsePrincipalId(id);
  if (person !== undefined && (await dependencies.authenticators?.isLocked(person)) === true) return 'locked';
  return isUnsettled(id, dependencies) ? 'unsettled' : 'settled';
}

export type AuthenticatorsHeld = Pick<AuthenticatorRegister, 'of' | 'isLocked'>;

/**
 * The valid approvals: neither expired nor withdrawn, by people who could still give them, with keys that still count.
 */
export async function standingApprovals(
  transaction: Pick<StoredTransaction, 'intentDigest' | 'initiator' | 'carriedBy'>,
  approvals: readonly StoredApproval[],
  now: number,
  {
    directory,
    authenticators,
    signalsOf,
    audit,
  }: {
    readonly directory: { snapshot(): Pick<DirectorySnapshot, 'principal' | 'credential'> };
    readonly authenticators?: AuthenticatorsHeld | undefined;
    readonly signalsOf?: AccountDependencies['signalsOf'];
    readonly audit: StandingReader;
  },
): Promise<readonly StoredApproval[]> {
  const snapshot = directory.snapshot();
  const initiators = [transaction.initiator, transaction.carriedBy ?? transaction.initiator].map((id) =>
    snapshot.principal(id),
  );
  const given = approvals.filter((approval) => {
    const person = snapshot.principal(approval.approver);
    return (
      approval.withdrawn === undefined &&
      approval.approver !== transaction.carriedBy &&
      !isSharedKey(approval, approvals) &&
      approval.intentDigest === transaction.intentDigest &&
      Date.parse(approval.expiresAt) > now &&
      (isHeldElsewhere(approval) || snapshot.credential(approval.kid)?.principal === approval.approver) &&
      person?.kind === 'person' &&
      person.active !== false &&
      person.institution === approval.institution &&
      person.roles.includes(approval.role) &&
      !tradesOnSameDesk(person, approval.role, initiators) &&
      !isUnsettled(person.id, { signalsOf })
    );
  });
  if (given.length === 0) return given;
  const revoked = await revokedAmong(
    given.flatMap(({ certificate }) => certificate ?? []),
    audit,
  );
  const standing = given.filter(({ certificate }) => certificate === undefined || !revoked.has(certificate));
  if (authenticators === undefined) return standing.filter(({ authenticator }) => authenticator === undefined);
  const held = await Promise.all(standing.map((approval) => isHeld(approval, authenticators)));
  return standing.filter((_, index) => held[index]);
}

/** By an authenticator or a certificate, and not by a key of the directory. */
function isHeldElsewhere({ authenticator, certificate }: StoredApproval): boolean {
  return authenticator !== undefined || certificate !== undefined;
}

async function isHeld(
  { approver, authenticator, kid }: StoredApproval,
  authenticators: AuthenticatorsHeld,
): Promise<boolean> {
  const person = parsePrincipalId(approver);
  if (person === undefined || (await authenticators.isLocked(person))) return false;
  if (authenticator === undefined) return true;
  return (await authenticators.of(person)).some(
    (one) => one.id === authenticator && one.kid === kid && one.suspendedAt === undefined,
  );
}

/** A key with which two principals approved identifies neither of them. */
function isSharedKey({ kid, approver }: StoredApproval, approvals: readonly StoredApproval[]): boolean {
  return approvals.some((other) => other.kid === kid && other.approver !== approver);
}
