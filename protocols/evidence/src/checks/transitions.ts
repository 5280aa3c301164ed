import { type Evidence, ownRecords } from '../evidence.ts';
import { openingOf, type RecordOf } from '../own-story.ts';
import { legalStep, transactionLives } from '../transaction-lives.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** Versions must rise from 1 without a gap, and each step must be legal and start where the last one ended. */
export const transitionsAreInOrder: Check = {
  id: 'transitions',
  title: 'The states of the transaction follow each other',
  reads: { 'transaction.transitioned': [], 'exception.resolved': [] },
  run(evidence) {
    const findings: Finding[] = [];
    let state = 'intended';
    let version = 0;
    const intentType = intentTypeOf(evidence);
    const transitions = stepsOf(evidence);
    if (transitions.length > 0 && intentType !== undefined && !Object.hasOwn(transactionLives, intentType))
      findings.push(
        finding(
          'transition_order',
          `The life cycle of transactions of type ${intentType} is unknown.`,
          transitions[0]?.id,
        ),
      );
    for (const { id, facts } of transitions) {
      if (facts.kind === 'exception.resolved') {
        if (facts.ending === undefined) continue;
        if (facts.ending.version !== version + 1)
          findings.push(
            finding('transition_order', `It has version ${facts.ending.version} where ${version + 1} comes next.`, id),
          );
        // Giving a transaction up ends it in one of two states.
        if (facts.resolution !== 'abandoned' || (facts.ending.to !== 'cancelled' && facts.ending.to !== 'failed'))
          findings.push(
            finding('transition_order', 'A resolved exception cannot end a transaction in this state.', id),
          );
        state = facts.ending.to;
        version = facts.ending.version;
        continue;
      }
      const step = legalStep(intentType, facts.event);
      if (facts.version !== version + 1)
        findings.push(
          finding('transition_order', `It has version ${facts.version} where ${version + 1} comes next.`, id),
        );
      if (facts.from !== state)
        findings.push(
          finding('transition_order', `It starts from another state than ${state}, where the transaction was.`, id),
        );
      if (step === undefined || !step.from.includes(facts.from) || step.to !== facts.to)
        findings.push(finding('transition_order', 'This event does not lead from the one state to the other.', id));
      // Continues from the recorded state, so that one fault is reported once.
      state = facts.to;
      version = facts.version;
    }
    return conclude(
      findings,
      transitions.length === 0
        ? 'No transition is recorded.'
        : `${counted(transitions.length, 'transition')}, ending ${state}.`,
      { of: transitions.length },
    );
  },
};

function intentTypeOf(evidence: Evidence): string | undefined {
  return openingOf(evidence)?.facts.intentType;
}

/** A resolved exception can also end a transaction. */
function stepsOf(evidence: Evidence): readonly RecordOf<'transaction.transitioned' | 'exception.resolved'>[] {
  return ownRecords(evidence).filter(
    (record): record is RecordOf<'transaction.transitioned' | 'exception.resolved'> =>
      record.facts.kind === 'transaction.transitioned' ||
      (record.facts.kind === 'exception.resolved' && record.facts.ending !== undefined),
  );
}
