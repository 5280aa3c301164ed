import type { EntitySnapshot } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';
import type { Closure } from './entity-facts.ts';
import type { Question } from './question.ts';

/** Names an entity; members in canonical order. */
export type Uid = { readonly id: string; readonly type: string };

/** An entity of one question alone, in Cedar's JSON form; members in canonical order. */
export type LocalEntity = {
  readonly attrs: Readonly<Record<string, Json>>;
  readonly parents: readonly Uid[];
  readonly uid: Uid;
};

/**
 * What is to be decided, as an information model has found it: the question, or as much of it as there is, and what of
 * the directory it can come to.
 */
export interface Posed {
  readonly principal: Uid;
  readonly action: string;
  readonly resource: Uid;
  /** Cedar's JSON form; members in canonical order, at every level. */
  readonly context: Readonly<Record<string, Json>>;
  readonly local: readonly LocalEntity[];
  /** Canonical JSON of `context` and `local`, from a model that has it at hand. */
  readonly text?: { readonly context: string; readonly local: string };
  readonly shared: EntitySnapshot;
  readonly closure: Closure;
  /** Version of the directory that was read. */
  readonly entityVersion: number;
  /** False when the principal or the intent is none that the policies can be asked about: that denies. */
  readonly evaluable: boolean;
}

/** @returns undefined where there is none to be asked */
export function questionIn(posed: Posed): Question | undefined {
  // What is posed is a question with more beside it: nothing is copied on the way to the policies.
  return posed.evaluable ? posed : undefined;
}
