import type { EntitySnapshot } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';
import type { Closure } from './entity-facts.ts';
import { type LocalEntity, type Question, QuestionOfValues, type QuestionValues, type Uid } from './question.ts';

export type { LocalEntity, Uid };

/**
 * The result of an information model: the question, as far as it exists, and the entities of the directory reachable from it.
 */
export interface Posed {
  readonly principal: Uid;
  readonly action: string;
  /** Namespace of the application model; absent for the market. */
  readonly application?: string;
  readonly resource: Uid;
  /** Cedar's JSON form; members in canonical order at every level. */
  readonly context: Readonly<Record<string, Json>>;
  readonly local: readonly LocalEntity[];
  /** The same as values, if the model makes values; see {@link Question.values}. */
  readonly values?: QuestionValues | undefined;
  readonly shared: EntitySnapshot;
  readonly closure: Closure;
  /** Version of the directory that was read. */
  readonly entityVersion: number;
  /** False if the policies cannot be asked about this principal or intent; the decision is then a deny. */
  readonly evaluable: boolean;
}

/** The result of a model that makes values. */
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

/** The same without a question for the policies. */
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

/** @returns undefined if there is no question */
export function questionIn(posed: Posed): Question | undefined {
  // `Posed` extends the question, so nothing is copied on the hot path.
  return posed.evaluable ? posed : undefined;
}
