import {
  type Independence,
  notIndependentDetail,
  type ProposerStanding,
  proposerLapseDetail,
  sharePeople,
} from '@countersign/contracts';
import type { Clock, CodedError, Json } from '@countersign/kernel';
import type { Scope } from '@countersign/market';

/** The members of a proposal that the rule of two people uses. */
export interface WaitingProposal {
  /** Principal ids: the proposer, then the acting chain. */
  readonly people: readonly string[];
  /** Scope of the proposer; left out when the proposal outlives the proposer's departure. */
  readonly scope?: Scope;
  /** Milliseconds since the epoch. */
  readonly proposedAt: number;
  /** Milliseconds since the epoch; no deadline when left out. */
  readonly expiresAt?: number;
  /** The recorded decision; undefined while it is pending. */
  readonly decided: string | undefined;
  /** Digest of the whole proposal; left out when approvers name no digest. */
  readonly digest?: string;
}

export interface SecondOfTwo {
  /** Principal ids: the approver, then the acting chain. */
  readonly people: readonly string[];
  /** Digest of the proposal that the approver has read; left out when they name only its id. */
  readonly digest?: string;
}

/** Declares dual control as data: the proposal, its approvers, its deadline and its error codes. */
export interface DualControl<Code extends string> {
  /** Common name of the proposal: `change`. */
  readonly what: string;
  /**
   * What an approver names: the digest of the whole proposal, or only its id when the proposal never changes or the signed statement
   * contains the rest.
   */
  readonly approves: 'digest' | 'id';
  /** Deadline in milliseconds; `until-decided` for none, `configured` when it comes from the configuration. */
  readonly waitsMs: number | 'until-decided' | 'configured';
  readonly quorum: number;
  /**
   * Whether the proposer must still have the right to propose it, the component checks the proposer's role itself, or the proposal
   * outlives the proposer's departure.
   */
  readonly proposer: 'keeps-right' | 'keeps-role' | 'may-leave';
  /** Separated rights: scopes that no client has together, or roles that no person has together. */
  readonly separates:
    | { readonly scopes: readonly [propose: readonly Scope[], approve: readonly Scope[]] }
    | { readonly people: string };
  /** Optional codes are left out when the rule does not apply: no deadline, no digest, no right of the proposer. */
  readonly codes: Readonly<Record<'settled' | 'self' | 'dependent', Code>> &
    Partial<Readonly<Record<'expired' | 'digest' | 'gone', Code>>>;
  readonly error: (
    code: Code,
    detail: string,
    options?: { readonly facts?: Readonly<Record<string, Json>> },
  ) => CodedError;
  /** Details that replace the common ones where those would mislead. */
  readonly words?: Partial<Readonly<Record<'expired' | 'self' | 'dependent', string>>>;
}

export interface SecondPersonDependencies {
  readonly independence: Independence;
  readonly proposerStanding: ProposerStanding;
  readonly clock: Clock;
}

export interface SecondPerson {
  /** `expired` when nobody decided in time. */
  statusOf(proposal: Pick<WaitingProposal, 'decided' | 'expiresAt'>): string;
  /** Why it can no longer be decided; undefined while it can. */
  settled(proposal: Pick<WaitingProposal, 'decided' | 'expiresAt'>): CodedError | undefined;
  /** Why the proposer may no longer propose it; undefined while they may. */
  gone(proposal: WaitingProposal): Promise<CodedError | undefined>;
  /** Why this person may not approve it, by all rules in order; undefined when they may. */
  refusalOf(proposal: WaitingProposal, approver: SecondOfTwo): Promise<CodedError | undefined>;
}

/** The status of a proposal: `expired` when it was not decided before its deadline. Times in milliseconds since the epoch. */
export function statusAt<Status extends string>(status: Status, expiresAt: number, now: number): Status | 'expired' {
  // NaN counts as expired.
  return status !== 'proposed' || now < expiresAt ? status : 'expired';
}

/**
 * The rule of two people: the approver is certainly another person than the proposer and approves exactly the proposal, in time and
 * once, and the proposer may still propose it. Call it under the lock of the decision.
 */
export function createSecondPerson<Code extends string>(
  control: DualControl<Code> & { readonly proposer: 'keeps-right' },
  dependencies: SecondPersonDependencies,
): SecondPerson;
export function createSecondPerson<Code extends string>(
  control: DualControl<Code> & { readonly proposer: 'keeps-role' | 'may-leave' },
  dependencies: Omit<SecondPersonDependencies, 'proposerStanding'>,
): SecondPerson;
export function createSecondPerson<Code extends string>(
  { what, approves, proposer, codes, error, words = {} }: DualControl<Code>,
  {
    independence,
    proposerStanding,
    clock,
  }: Omit<SecondPersonDependencies, 'proposerStanding'> & Partial<SecondPersonDependencies>,
): SecondPerson {
  const statusOf: SecondPerson['statusOf'] = ({ decided, expiresAt = Number.POSITIVE_INFINITY }) =>
    statusAt(decided ?? 'proposed', expiresAt, clock.now());

  const settled: SecondPerson['settled'] = (proposal) => {
    const status = statusOf(proposal);
    if (status === 'proposed') return undefined;
    const isExpired = proposal.decided === undefined;
    const detail = (isExpired ? words.expired : undefined) ?? `The ${what} is ${status} already.`;
    return error((isExpired ? codes.expired : undefined) ?? codes.settled, detail, { facts: { status } });
  };

  const gone: SecondPerson['gone'] = async ({ people, scope, proposedAt }) => {
    if (proposer !== 'keeps-right' || scope === undefined || proposerStanding === undefined) return undefined;
    const lapse = await proposerStanding({ proposers: people, scope, since: proposedAt });
    return lapse === undefined ? undefined : error(codes.gone ?? codes.settled, proposerLapseDetail(lapse));
  };

  return {
    statusOf,
    settled,
    gone,
    async refusalOf(proposal, approver) {
      const late = settled(proposal);
      if (late !== undefined) return late;
      if (sharePeople(approver.people, proposal.people))
        return error(
          codes.self,
          words.self ??
            `The proposer of a ${what} cannot approve it, nor can anyone who acts through or for the proposer. Another person must approve it.`,
        );
      if (approves === 'digest' && (proposal.digest === undefined || approver.digest !== proposal.digest))
        return error(
          codes.digest ?? codes.settled,
          `The digest does not match the proposal. Read the ${what} again and approve its current digest.`,
        );
      if (!(await independence(proposal.people, approver.people)))
        return error(codes.dependent, words.dependent ?? notIndependentDetail);
      return gone(proposal);
    },
  };
}
