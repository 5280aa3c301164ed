import { type Evidence, ownRecords, recordsOf } from '../evidence.ts';
import { legalStep } from '../transaction-lives.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/** The transaction went through its states one by one: versions 1 to n without a gap, each step legal and where the last one ended. */
export const transitionsAreInOrder: Check = {
  id: 'transitions',
  title: 'The states of the transaction follow each other',
  reads: ['transaction.transitioned'],
  run(evidence) {
    const findings: Finding[] = [];
    let state = 'intended';
    let version = 0;
    const intentType = intentTypeOf(evidence);
    const transitions = recordsOf(ownRecords(evidence), 'transaction.transitioned');
    for (const { id, facts } of transitions) {
      const step = legalStep(intentType, facts.event);
      if (facts.version !== version + 1)
        findings.push({
          code: 'transition_order',
          detail: `It has version ${facts.version} where ${version + 1} comes next.`,
          record: id,
        });
      if (facts.from !== state)
        findings.push({
          code: 'transition_order',
          detail: `It starts from another state than ${state}, where the transaction was.`,
          record: id,
        });
      if (step === undefined || !step.from.includes(facts.from) || step.to !== facts.to)
        findings.push({
          code: 'transition_order',
          detail: 'No transaction goes from the one state to the other by this event.',
          record: id,
        });
      // From here on as the record says, so that one fault is reported once and not by every record after it.
      state = facts.to;
      version = facts.version;
    }
    return conclude(
      findings,
      transitions.length === 0
        ? 'No transition is recorded.'
        : `${counted(transitions.length, 'transition')}, ending ${state}.`,
    );
  },
};

function intentTypeOf(evidence: Evidence): string | undefined {
  return recordsOf(ownRecords(evidence), 'transaction.opened')[0]?.facts.intentType;
}
