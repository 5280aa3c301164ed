import type { Answer, EntityInput, EntityUid } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';
import type { Question } from '../decision/question.ts';

/** What the thread is asked. */
export interface ToThread {
  readonly id: number;
  /** Given when it is not the bundle of the question before. */
  readonly texts?: { readonly schema: string; readonly policies: string };
  readonly question: Pick<Question, 'principal' | 'action' | 'resource' | 'context'>;
  /** All entities that a policy could come to from the question, in Cedar's JSON form. */
  readonly entities: readonly EntityInput[];
}

/** What it answers: one message for each question, in their order. */
export type FromThread = { readonly id: number } & ThreadAnswer;

export type ThreadAnswer =
  | { readonly outcome: 'answered'; readonly answer: Answer }
  /** The question is not one that policies are asked. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'failed'; readonly message: string };

/** A question with nothing of the directory but what it can come to, so that it can go to a thread. */
export function portable(
  { principal, action, resource, context, shared, local }: Question,
  named: readonly EntityUid[],
): Pick<ToThread, 'question' | 'entities'> {
  const roots: EntityUid[] = [principal, resource, ...named];
  collectReferences(context, roots);
  return { question: { principal, action, resource, context }, entities: shared.with(local).closureOf(roots) };
}

function collectReferences(json: Json, into: EntityUid[]): void {
  if (typeof json !== 'object' || json === null) return;
  const entity: Json | undefined = '__entity' in json ? json['__entity'] : undefined;
  if (typeof entity === 'object' && entity !== null && 'type' in entity) {
    const { type, id } = entity;
    if (typeof type === 'string' && typeof id === 'string') into.push({ type, id });
    return;
  }
  for (const member of Object.values(json)) collectReferences(member, into);
}
