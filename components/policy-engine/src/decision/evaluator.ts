import { type Answer, decideFailClosed } from '@countersign/cedar';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from './question.ts';

/** Evaluates a question by the compiled policies, or by the reference engine if the compiled ones are distrusted. */
export type Evaluator = (bundle: LoadedBundle, question: Question) => Answer;

/** The compiled policies, failing closed. */
export const evaluateCompiled: Evaluator = ({ compiled, parsed }, question) => {
  const { shared, values } = question;
  const action = { type: parsed.schema.actionType, id: question.action };
  if (values !== undefined) {
    const { principal, resource, context, local } = values;
    return decideFailClosed(compiled, { principal, action, resource, context, entities: shared.withRead(local) });
  }
  const { principal, resource, context, local } = question;
  return decideFailClosed(compiled, { principal, action, resource, context, entities: shared.with(local) });
};
