import {
  type Independence,
  notIndependentDetail,
  type ProposerStanding,
  proposerLapseDetail,
  sharePeople,
} from '@countersign/contracts';
import type { Clock, CodedError, Json } from '@countersign/kernel';
import type { Scope } from '@countersign/market';

/** What somebody has proposed, as far as whoever decides about it is judged by it. */
export interface WaitingProposal {
  /** Who proposed it, then everybody through whom they did, by principal id. */
  readonly people: readonly string[];
  /** By which it was proposed; left out where it counts whoever proposed it has left. */
  readonly scope?: Scope;
  /** Milliseconds since the epoch. */
  readonly proposedAt: number;
  /** Milliseconds since the epoch; left out, it waits without an end. */
  readonly expiresAt?: number;
  /** How it was decided, by its record; undefined while it waits. */
  readonly decided: string | undefined;
  /** Of everything that was proposed; left out where an approver names no digest. */
  readonly digest?: string;
}

/** Who would approve it. */
export interface SecondOfTwo {
  /** Who acts, then everybody through whom they do, by principal id. */
  readonly people: readonly string[];
  /** Of the proposal as they read it; left out where they name its id alone. */
  readonly digest?: string;
}

/** What takes two people, as data: what is proposed, who lets it through, for how long it waits, and how it is refused. */
export interface DualControl<Code extends string> {
  /** What is proposed, as people call it: `change`. */
  readonly what: string;
  /**
   * What an approver names: the digest of everything that was proposed; or its id alone, where that stands for what never changes, or
   * where what they sign says the rest.
   */
  readonly approves: 'digest' | 'id';
  /** Milliseconds that it waits; `until-decided` where it has no end, `configured` where the installation says how long. */
  readonly waitsMs: number | 'until-decided' | 'configured';
  /** How many others let it through. */
  readonly quorum: number;
  /**
   * Whether whoever proposed it must still hold the right by which they did; or the component holds them to their role itself; or it
   * counts whether or not they are still there.
   */
  readonly proposer: 'keeps-right' | 'keeps-role' | 'may-leave';
  /** Which rights nobody holds both of: scopes of one client, or roles and parts of one person. */
  readonly separates:
    | { readonly scopes: readonly [propose: readonly Scope[], approve: readonly Scope[]] }
    | { readonly people: string };
  /** Left out is what cannot speak against it: an end that there is none of, a digest that nobody names, a right that nobody asks for. */
  readonly codes: Readonly<Record<'settled' | 'self' | 'dependent', Code>> &
    Partial<Readonly<Record<'expired' | 'digest' | 'gone', Code>>>;
  readonly error: (
    code: Code,
    detail: string,
    options?: { readonly facts?: Readonly<Record<string, Json>> },
  ) => CodedError;
  /** What the refused are told, where the words that are the same everywhere would mislead them. */
  readonly words?: Partial<Readonly<Record<'expired' | 'self' | 'dependent', string>>>;
}

export interface SecondPersonDependencies {
  readonly independence: Independence;
  readonly proposerStanding: ProposerStanding;
  readonly clock: Clock;
}

export interface SecondPerson {
  /** `expired` where nobody decided in time. */
  statusOf(proposal: Pick<WaitingProposal, 'decided' | 'expiresAt'>): string;
  /** Why nobody can decide about it any more, where that is so. */
  settled(proposal: Pick<WaitingProposal, 'decided' | 'expiresAt'>): CodedError | undefined;
  /** Why who proposed it no longer may, where they may not. */
  gone(proposal: WaitingProposal): Promise<CodedError | undefined>;
  /** Why this person may not approve this, where they may not: by all rules, in their order. */
  refusalOf(proposal: WaitingProposal, approver: SecondOfTwo): Promise<CodedError | undefined>;
}

/** How a proposal stands that is kept as `status`: `expired` where nobody decided before its end. Both times in milliseconds since the epoch. */
export function statusAt<Status extends string>(status: Status, expiresAt: number, now: number): Status | 'expired' {
  // Written so that a time that is not a number has passed.
  return status !== 'proposed' || now < expiresAt ? status : 'expired';
}

/**
 * The one rule of two people: whoever approves is surely somebody else than who proposed, approves exactly what was proposed, in
 * time and once, and who proposed it still may. It is asked under the lock that decides.
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
            `Who proposed a ${what} does not approve it, nor does anybody who acts through or for them: another person must.`,
        );
      if (approves === 'digest' && (proposal.digest === undefined || approver.digest !== proposal.digest))
        return error(
          codes.digest ?? codes.settled,
          `The digest is not that of what was proposed: read the ${what} again and approve what it says.`,
        );
      if (!(await independence(proposal.people, approver.people)))
        return error(codes.dependent, words.dependent ?? notIndependentDetail);
      return gone(proposal);
    },
  };
}
