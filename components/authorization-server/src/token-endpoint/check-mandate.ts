import type { ConsentStore, DirectorySnapshot, Mandate } from '@countersign/contracts';
import { type MandateId, parseInstant, type RecordId } from '@countersign/kernel';
import { type AuthorizationDetail, intentUse, type Lei } from '@countersign/market';
import type { Authority } from '../grant-handler.ts';
import { deny, refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';

/** A mandate that allows the intent now. */
export interface StandingMandate {
  readonly id: MandateId;
  readonly version: number;
  readonly recordId: RecordId;
  /** Records of the mandate and of its parent mandates. */
  readonly chainRecords: readonly RecordId[];
  /** Its own id and the ids of its parent mandates. */
  readonly chain: readonly MandateId[];
  /** Milliseconds since the epoch at which the first mandate of the chain ends. */
  readonly until: number;
}

/** Asks whether the intent's mandate and all its parents allow it to this institution now. */
export async function checkMandate(
  { detail, action }: GrantedDetail,
  {
    authority,
    directory,
    now,
  }: {
    readonly authority: Authority;
    readonly directory: Pick<DirectorySnapshot, 'account'>;
    readonly now: number;
  },
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<StandingMandate> {
  const atLeastVersion = authority.continues?.mandateVersion;
  const answer = await consentStore.check({
    mandate: detail.mandate_id,
    actingFor: authority.institution,
    use: intentUse(detail, { action, at: now }),
    at: now,
    // A node that lags behind must not accept an older version of the mandate than the token names.
    ...(atLeastVersion === undefined ? {} : { atLeastVersion }),
  });
  if (!answer.stands) throw deny(answer.reason, answer.detail, { mandate: detail.mandate_id });
  checkEntity(detail.entity_lei, authority.institution, answer.chain);
  checkAccounts(detail, { institution: authority.institution, chain: answer.chain, directory });
  return {
    id: answer.mandate.id,
    version: answer.mandate.version,
    recordId: answer.mandate.recordId,
    chainRecords: answer.chain.map((mandate) => mandate.recordId),
    chain: answer.chain.map((mandate) => mandate.id),
    until: Math.min(...answer.chain.map((mandate) => parseInstant(mandate.effectiveUntil) ?? 0)),
  };
}

/** An institution trades for itself or for a grantor of the mandate, never for a third institution. */
function checkEntity(entity: Lei, institution: Lei, chain: readonly Mandate[]): void {
  if (entity !== institution && !chain.some(({ grantor }) => grantor.lei === entity))
    throw refuse(
      'entity_not_represented',
      `The mandate does not speak for ${entity}: it is neither who acts nor a grantor.`,
    );
}

/**
 * Checks the accounts: an institution may use its own, those of the mandate's grantor, and those of the institution that an
 * allocation is given up to. It may not deal for, or allocate to, an institution that granted nothing. Policies refuse
 * unregistered accounts, since their owner is unknown.
 */
function checkAccounts(
  detail: AuthorizationDetail,
  {
    institution,
    chain,
    directory,
  }: {
    readonly institution: Lei;
    readonly chain: readonly Mandate[];
    readonly directory: Pick<DirectorySnapshot, 'account'>;
  },
): void {
  const represented = new Set<string>([institution, detail.entity_lei, ...chain.map(({ grantor }) => grantor.lei)]);
  if ('giveup_to_lei' in detail && detail.giveup_to_lei !== undefined) represented.add(detail.giveup_to_lei);
  const accounts = [
    ...('account' in detail && detail.account !== undefined ? [detail.account] : []),
    ...('lines' in detail ? detail.lines.map(({ account }) => account) : []),
  ];
  for (const account of accounts) {
    const owner = directory.account(account)?.institution;
    if (owner !== undefined && !represented.has(owner))
      throw refuse(
        'account_not_represented',
        `The account ${account} is of an institution that neither acts nor gave the mandate: it has to grant one first.`,
      );
  }
}
