import { type Evidence, recordsOf } from '../evidence.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** The publication precedes the decision, with its hash over each part's text, or digest if too long. */
export const policiesAreThePublished: Check = {
  id: 'policies',
  title: 'Decisions were made under policies that were published',
  reads: {
    'policy.published': ['/data/parts'],
    'decision.made': [],
    'transaction.transitioned': [],
    'token.issued': [],
    'token.exchanged': [],
  },
  run(evidence) {
    const publications = recordsOf(evidence.records, 'policy.published');
    const decisions = decisionsOf(evidence);
    const findings: Finding[] = [];
    for (const { id, facts } of publications)
      if (facts.recomputed !== undefined && facts.recomputed !== facts.hash)
        findings.push(
          finding(
            'policy_mismatch',
            'The published policies do not have the hash under which they were published.',
            id,
          ),
        );
    for (const { id, index, policy, facts } of decisions) {
      const made = 'decision' in facts ? facts.decision : undefined;
      if (made?.policyVersion !== policy?.version || made?.policyHash !== policy?.hash)
        findings.push(
          finding('policy_mismatch', 'The record names other policies than its decision was made under.', id),
        );
      const published = publications.some(
        (publication) =>
          publication.index < index &&
          publication.facts.version === policy?.version &&
          publication.facts.hash === policy.hash,
      );
      if (!published)
        findings.push(
          finding(
            'policy_mismatch',
            'It was decided under policies whose publication is not in the bundle before it.',
            id,
          ),
        );
    }
    return conclude(
      findings,
      `${counted(decisions.length, 'decision')} traced to ${counted(publications.length, 'publication')}.`,
      { of: decisions.length },
    );
  },
};

function decisionsOf({ records }: Evidence): readonly BundledRecord[] {
  return records.filter(({ facts }) => 'decision' in facts && facts.decision !== undefined);
}
