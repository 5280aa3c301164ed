import type { Answer, EntityInput, EntityUid } from '@countersign/cedar';
import { collectReferences } from '../decision/entity-facts.ts';
import type { Question } from '../decision/question.ts';

/** A question to the thread. */
export interface ToThread {
  readonly id: number;
  /** Present if the bundle differs from that of the previous question. */
  readonly texts?: { readonly schema: string; readonly policies: string };
  readonly question: Pick<Question, 'principal' | 'action' | 'resource' | 'context'>;
  /** All entities reachable from the question, in Cedar's JSON form. */
  readonly entities: readonly EntityInput[];
}

/** An answer of the thread: one for each question, in order. */
export type FromThread = { readonly id: number } & ThreadAnswer;

export type ThreadAnswer =
  | { readonly outcome: 'answered'; readonly answer: Answer }
  /** The policies do not answer such a question. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'failed'; readonly message: string };

/** A question with only the reachable entities of the directory, to be sent to a thread. */
export function portable(
  { principal, action, resource, context, shared, local }: Question,
  named: readonly EntityUid[],
): Pick<ToThread, 'question' | 'entities'> {
  const roots: EntityUid[] = [principal, resource, ...named];
  collectReferences(context, roots);
  return { question: { principal, action, resource, context }, entities: shared.with(local).closureOf(roots) };
}
