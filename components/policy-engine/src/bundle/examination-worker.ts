import { parentPort } from 'node:worker_threads';
import { examinePolicySet } from '@countersign/cedar';
import { isCodedError } from '@countersign/kernel';
import type { FromExamination, ToExamination } from './examination-messages.ts';

// The thread of one bundle: Cedar's engine parses and validates its policies here, so that decisions do not wait for it.

const policiesAMessage = 50;

parentPort?.once('message', (told: ToExamination) => {
  for (const said of answersTo(told)) parentPort?.postMessage(said);
  parentPort?.close();
});

function answersTo({ policies: text, schema }: ToExamination): readonly FromExamination[] {
  try {
    const { policies, ...rest } = examinePolicySet(text, schema);
    const slices = Array.from({ length: Math.ceil(policies.length / policiesAMessage) }, (_, index) =>
      policies.slice(index * policiesAMessage, (index + 1) * policiesAMessage),
    );
    return [
      ...slices.map((slice): FromExamination => ({ say: 'policies', policies: slice })),
      { say: 'examined', rest },
    ];
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [{ say: 'refused', code: error.code, detail: error.detail, facts: error.facts }];
  }
}
