import type { Mandate } from '@countersign/contracts';
import { lifeCycleOf, stepsOf, type TransitionRule } from '../life-cycles/index.ts';
import { partiesByPart } from '../life-cycles/parties-by-part.ts';
import type { StoredTransaction } from '../store.ts';

/** So many people, in this role, of this institution. */
export interface Wanted {
  readonly role: string;
  readonly count: number;
  /** LEI. */
  readonly institution: string;
  /** Of a control function, and not of the desk of whoever began the transaction. */
  readonly independent: boolean;
  /** Not before everything that is listed ahead of it. */
  readonly ordered: boolean;
}

type Subject = Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>;
type Demanding = { readonly constraints: Pick<Mandate['constraints'], 'approvals'> };

/** What a step cannot do without by its own rule, in the order of the rule; a part that several have counts for each. */
export function wantedByRule({ approvals = [] }: TransitionRule, transaction: Subject): readonly Wanted[] {
  const parties = partiesByPart(transaction);
  return approvals.flatMap(({ role, count, institution: part, independent, ordered }) =>
    (parties.get(part) ?? []).map((institution) => ({
      role,
      count,
      institution,
      independent: independent === true,
      ordered: ordered === true,
    })),
  );
}

/**
 * What a step cannot do without, whatever the policies say: by its own rule, and by every mandate that it rests on.
 * Where both speak of one role the higher number is wanted, not the sum.
 *
 * @param mandates every mandate of the line
 */
export function wantedFor(
  rule: TransitionRule,
  transaction: Subject,
  mandates: readonly Demanding[],
): readonly Wanted[] {
  if (!takesMandateApprovals(rule, transaction)) return wantedByRule(rule, transaction);
  const demanded = mandates.flatMap(({ constraints: { approvals = [] } }) =>
    approvals.map(({ role, count }) => ({
      role,
      count,
      institution: transaction.initiatorInstitution,
      independent: false,
      ordered: false,
    })),
  );
  return merged([...wantedByRule(rule, transaction), ...demanded]);
}

/**
 * A mandate's approvals are asked for once in a life: at the steps that have approvals of their own or, where there are
 * none, at those by which the intent leaves the firm. An approval lasts an hour; settlement comes days later.
 */
function takesMandateApprovals(rule: TransitionRule, { detail }: Subject): boolean {
  const cycle = lifeCycleOf(detail);
  const own = stepsOf(cycle).some((step) => hasApprovals(step.rule));
  return own ? hasApprovals(rule) : rule.decided && rule.from.includes(cycle.initial);
}

function hasApprovals({ approvals }: TransitionRule): boolean {
  return approvals !== undefined && approvals.length > 0;
}

/** One entry for each role and institution, where it was first named. */
export function merged(wanted: readonly Wanted[]): readonly Wanted[] {
  const entries = new Map<string, Wanted>();
  for (const one of wanted) {
    const key = `${one.role} ${one.institution}`;
    const known = entries.get(key);
    entries.set(
      key,
      known === undefined
        ? one
        : {
            ...known,
            count: Math.max(known.count, one.count),
            independent: known.independent || one.independent,
            ordered: known.ordered || one.ordered,
          },
    );
  }
  return [...entries.values()];
}
