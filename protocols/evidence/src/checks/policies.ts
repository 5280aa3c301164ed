import { type Evidence, recordsOf } from '../evidence.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/**
 * Decisions name policies by version and hash. The publication must precede them and have that hash, from the text of
 * each part or, if too long for a record, its digest.
 */
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
        findings.push({
          code: 'policy_mismatch',
          detail: 'The policies published do not have the hash they were published under.',
          record: id,
        });
    for (const { id, index, policy, facts } of decisions) {
      const made = 'decision' in facts ? facts.decision : undefined;
      if (made?.policyVersion !== policy?.version || made?.policyHash !== policy?.hash)
        findings.push({
          code: 'policy_mismatch',
          detail: 'The record names other policies than its decision was made under.',
          record: id,
        });
      const published = publications.some(
        (publication) =>
          publication.index < index &&
          publication.facts.version === policy?.version &&
          publication.facts.hash === policy.hash,
      );
      if (!published)
        findings.push({
          code: 'policy_mismatch',
          detail: 'It was decided under policies whose publication is not in the bundle before it.',
          record: id,
        });
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
