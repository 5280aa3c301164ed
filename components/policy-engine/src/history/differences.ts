import { comparedFields, obligationJson, type RecordedDecision, type ReplayDifference } from '@countersign/contracts';
import { canonicalize, type Json } from '@countersign/kernel';
import type { Verdict } from '../decision/judge.ts';

type Judged = Pick<
  RecordedDecision,
  'decision' | 'determining' | 'errors' | 'reasons' | 'obligations' | 'tokenLifetimeSeconds' | 'timeStamp'
>;

/** The members in which a verdict differs from the recorded decision. The order of errors does not matter. */
export function differencesBetween(recorded: Judged, replayed: Verdict): readonly ReplayDifference[] {
  const left = comparable(recorded);
  const right = comparable(replayed);
  return comparedFields.flatMap((field) =>
    canonicalize(left[field]) === canonicalize(right[field])
      ? []
      : [{ field, recorded: left[field], replayed: right[field] }],
  );
}

function comparable(judged: Judged): Readonly<Record<(typeof comparedFields)[number], Json>> {
  const errors = judged.errors.map(({ policyId, message }) => ({ policy_id: policyId, message }));
  return {
    decision: judged.decision,
    determining: judged.determining,
    errors: errors.sort((a, b) => (a.policy_id < b.policy_id ? -1 : 1)),
    reasons: judged.reasons.map(({ code, detail }) => ({ code, detail })),
    obligations: judged.obligations.map(obligationJson),
    token_lifetime: judged.tokenLifetimeSeconds ?? null,
    time_stamp: judged.timeStamp ?? null,
  };
}

/** Whether a verdict equals the recorded decision. A faster {@link differencesBetween} for simulations. */
export function saysTheSame(recorded: Judged, judged: Verdict): boolean {
  return (
    recorded.decision === judged.decision &&
    recorded.tokenLifetimeSeconds === judged.tokenLifetimeSeconds &&
    recorded.timeStamp === judged.timeStamp &&
    sameTexts(recorded.determining, judged.determining) &&
    recorded.errors.length === judged.errors.length &&
    recorded.reasons.length === judged.reasons.length &&
    recorded.obligations.length === judged.obligations.length &&
    (recorded.decision || differencesBetween(recorded, judged).length === 0)
  );
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, index) => text === right[index]);
}
