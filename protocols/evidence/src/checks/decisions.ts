import { type Evidence, ownRecords, recordsOf } from '../evidence.ts';
import type { TransitionFacts } from '../facts.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/**
 * No order leaves without a policy decision for this very transaction that permitted it, and nothing was done that
 * its own record says was denied. The decision stands in the record of what it allowed, or in one that it rests on.
 */
export const submissionsWereDecided: Check = {
  id: 'decisions',
  title: 'Every submission rests on a decision that permitted it',
  reads: ['decision.made', 'transaction.transitioned', 'token.issued', 'token.exchanged'],
  run(evidence) {
    const findings: Finding[] = [];
    const submissions = recordsOf(ownRecords(evidence), 'transaction.transitioned').filter(
      ({ facts }) => facts.event === 'submit',
    );
    for (const submission of submissions)
      if (submission.facts.decision !== true && !restsOnPermit(evidence, submission))
        findings.push({
          code: 'decision_missing',
          detail: 'The order was submitted without a decision that permitted it.',
          record: submission.id,
        });
    for (const record of evidence.records)
      if (
        'decision' in record.facts &&
        record.facts.decision === false &&
        record.facts.kind !== 'decision.made' &&
        record.outcome !== 'deny'
      )
        findings.push({
          code: 'decision_missing',
          detail: 'What this record says was done, its own decision denied.',
          record: record.id,
        });
    return conclude(findings, `${counted(submissions.length, 'submission')} found decided.`);
  },
};

function restsOnPermit(evidence: Evidence, submission: BundledRecord<TransitionFacts>): boolean {
  return submission.references.some((reference) => {
    const decision = evidence.byId.get(reference);
    return (
      decision?.facts.kind === 'decision.made' &&
      decision.facts.decision &&
      decision.outcome === 'permit' &&
      decision.transaction === submission.transaction &&
      decision.index < submission.index
    );
  });
}
