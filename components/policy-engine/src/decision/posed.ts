import type { EntitySnapshot } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';
import type { Closure } from './entity-facts.ts';
import { type LocalEntity, type Question, QuestionOfValues, type QuestionValues, type Uid } from './question.ts';

export type { LocalEntity, Uid };

/**
 * What is to be decided, as an information model has found it: the question, or as much of it as there is, and what of
 * the directory it can come to.
 */
export interface Posed {
  readonly principal: Uid;
  readonly action: string;
  /** Namespace of the model of an application whose question it is; the market's when left out. */
  readonly application?: string;
  readonly resource: Uid;
  /** Cedar's JSON form; members in canonical order, at every level. */
  readonly context: Readonly<Record<string, Json>>;
  readonly local: readonly LocalEntity[];
  /** The same as values, from a model that makes them; see {@link Question.values}. */
  readonly values?: QuestionValues | undefined;
  readonly shared: EntitySnapshot;
  readonly closure: Closure;
  /** Version of the directory that was read. */
  readonly entityVersion: number;
  /** False when the principal or the intent is none that the policies can be asked about: that denies. */
  readonly evaluable: boolean;
}

/** Posed by a model that makes values. */
export class PosedInValues extends QuestionOfValues implements Posed {
  readonly closure: Closure;
  readonly entityVersion: number;
  readonly evaluable: boolean;

  /** @param sound see {@link QuestionOfValues} */
  constructor(
    posed: Pick<Posed, 'action' | 'closure' | 'entityVersion' | 'evaluable' | 'shared'>,
    values: QuestionValues,
    sound: boolean,
  ) {
    super(posed, values, sound);
    this.closure = posed.closure;
    this.entityVersion = posed.entityVersion;
    this.evaluable = posed.evaluable;
  }
}

/** The same, of which the policies cannot be asked. */
export function withoutQuestion({
  principal,
  action,
  application,
  resource,
  context,
  local,
  shared,
  closure,
  entityVersion,
}: Posed): Posed {
  return {
    ...{ principal, action, resource, context, local, shared, closure, entityVersion, evaluable: false },
    ...(application === undefined ? {} : { application }),
  };
}

/** @returns undefined where there is none to be asked */
export function questionIn(posed: Posed): Question | undefined {
  // What is posed is a question with more beside it: nothing is copied on the way to the policies.
  return posed.evaluable ? posed : undefined;
}
