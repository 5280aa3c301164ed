import { parentPort } from 'node:worker_threads';
import { type ExaminedPolicySet, examinePolicySet, type ParsedPolicy } from '@countersign/cedar';
import { isCodedError } from '@countersign/kernel';

// Parses and validates one bundle with Cedar's engine in a thread, so that decisions do not wait.

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

export interface ToExamination {
  readonly policies: string;
  readonly schema: string;
}

/** Its answer: the policies in small messages, so that reading one does not block, and then the rest. */
export type FromExamination =
  | { readonly say: 'policies'; readonly policies: readonly ParsedPolicy[] }
  | { readonly say: 'examined'; readonly rest: Omit<ExaminedPolicySet, 'policies'> }
  /** A code of `cedarErrors`. */
  | {
      readonly say: 'refused';
      readonly code: string;
      readonly detail: string;
      readonly facts: Readonly<Record<string, unknown>> | undefined;
    };
