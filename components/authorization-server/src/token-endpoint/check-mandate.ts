import type { ConsentStore, DirectorySnapshot, Mandate } from '@countersign/contracts';
import { defined, type MandateId, parseInstant, type RecordId } from '@countersign/kernel';
import { type AuthorizationDetail, intentUse, type Lei } from '@countersign/market';
import type { Authority } from '../grant-handler.ts';
import { deny, refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';

export interface StandingMandate {
  readonly id: MandateId;
  readonly version: number;
  readonly recordId: RecordId;
  /** Of the mandate and its parents. */
  readonly chainRecords: readonly RecordId[];
  /** Of the mandate and its parents. */
  readonly chain: readonly MandateId[];
  /** Milliseconds since the epoch, for the first mandate that ends. */
  readonly until: number;
}

/** Asks whether the mandate and its parents allow the intent now. */
export async function checkMandate(
  { detail, action }: GrantedDetail,
  by: {
    readonly authority: Authority;
    readonly directory: Pick<DirectorySnapshot, 'account'>;
    readonly now: number;
  },
  consentStore: Pick<ConsentStore, 'check'>,
): Promise<StandingMandate> {
  const { authority, directory, now } = by;
  const atLeastVersion = authority.continues?.mandateVersion;
  const answer = await consentStore.check({
    mandate: detail.mandate_id,
    actingFor: authority.institution,
    use: intentUse(detail, { action, at: now }),
    at: now,
    // A node that lags behind must not accept an older version than the token names.
    ...defined({ atLeastVersion }),
  });
  if (!answer.valid) throw deny(answer.reason, answer.detail, { mandate: detail.mandate_id });
  checkEntity(detail.entity_lei, authority.institution, answer.chain);
  checkAccounts(detail, { institution: authority.institution, chain: answer.chain, directory });
  const { id, version, recordId } = answer.mandate;
  return {
    id,
    version,
    recordId,
    chainRecords: answer.chain.map((mandate) => mandate.recordId),
    chain: answer.chain.map((mandate) => mandate.id),
    until: Math.min(...answer.chain.map((mandate) => parseInstant(mandate.effectiveUntil) ?? 0)),
  };
}

function checkEntity(entity: Lei, institution: Lei, chain: readonly Mandate[]): void {
  if (entity !== institution && !chain.some(({ grantor }) => grantor.lei === entity))
    throw refuse(
      'entity_not_represented',
      `The mandate does not cover ${entity}, which is neither the actor nor a grantor.`,
    );
}

/** Accounts of the institution, the mandate's grantors and the give-up party. Policies refuse unregistered accounts. */
function checkAccounts(
  detail: AuthorizationDetail,
  parties: {
    readonly institution: Lei;
    readonly chain: readonly Mandate[];
    readonly directory: Pick<DirectorySnapshot, 'account'>;
  },
): void {
  const { institution, chain, directory } = parties;
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
        `The account ${account} belongs to an institution that neither acts nor granted the mandate. It must grant a mandate first.`,
      );
  }
}
