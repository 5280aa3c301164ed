import { type Answer, decideFailClosed } from '@countersign/cedar';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from './question.ts';

/** Puts a question to the policies: compiled, or, when they are not trusted, through the reference engine. */
export type Evaluator = (bundle: LoadedBundle, question: Question) => Answer;

/** The compiled policies, failing closed. */
export const evaluateCompiled: Evaluator = ({ compiled }, question) =>
  decideFailClosed(compiled, {
    principal: question.principal,
    action: { type: 'Action', id: question.action },
    resource: question.resource,
    context: question.context,
    entities: question.shared.with(question.local),
  });
