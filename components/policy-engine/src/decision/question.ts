import {
  type EntityInput,
  type EntityReference,
  type EntitySnapshot,
  type EntityUid,
  type RecordValue,
  recordToJson,
  type UnrelatedEntity,
} from '@countersign/cedar';
import { defined, type Json } from '@countersign/kernel';
import type { Closure } from './entity-facts.ts';

/** A question as the policies see it. Live decisions, bundle tests, simulation, replay and search all use this form. */
export interface Question {
  readonly principal: EntityUid;
  readonly action: string;
  readonly resource: EntityUid;
  /** Cedar's JSON form. */
  readonly context: Readonly<Record<string, Json>>;
  /** Entities of this question only: the resource, and entities from its intent. */
  readonly local: readonly EntityInput[];
  /** Entities shared by all questions: the directory and the bundle's reference data. */
  readonly shared: EntitySnapshot;
  /** The same as parsed values, if the model has made them. */
  readonly values?: QuestionValues | undefined;
}

export class QuestionValues {
  readonly principal: EntityReference;
  readonly resource: EntityReference;
  readonly context: RecordValue;
  readonly local: readonly UnrelatedEntity[];

  constructor(
    principal: EntityReference,
    resource: EntityReference,
    context: RecordValue,
    local: readonly UnrelatedEntity[],
  ) {
    this.principal = principal;
    this.resource = resource;
    this.context = context;
    this.local = local;
  }
}

/** The name of an entity; members in canonical order. */
export type Uid = { readonly id: string; readonly type: string };

/** An entity of one question, in Cedar's JSON form; members in canonical order. */
export type LocalEntity = {
  readonly attrs: Readonly<Record<string, Json>>;
  readonly parents: readonly Uid[];
  readonly uid: Uid;
};

/**
 * A question made of values. Its JSON is made on first read, for records, remedies and the reference engine. The members are
 * getters, which a spread does not copy.
 */
export class QuestionOfValues implements Question {
  readonly action: string;
  readonly shared: EntitySnapshot;
  readonly #values: QuestionValues;
  readonly #sound: boolean;
  #context: Readonly<Record<string, Json>> | undefined;
  #local: readonly LocalEntity[] | undefined;

  /** @param sound whether the values equal those parsed from their JSON; see `ValueMaker` */
  constructor({ action, shared }: Pick<QuestionOfValues, 'action' | 'shared'>, values: QuestionValues, sound: boolean) {
    this.action = action;
    this.shared = shared;
    this.#values = values;
    this.#sound = sound;
  }

  get values(): QuestionValues | undefined {
    return this.#sound ? this.#values : undefined;
  }

  get principal(): Uid {
    return uidJson(this.#values.principal);
  }

  get resource(): Uid {
    return uidJson(this.#values.resource);
  }

  get context(): Readonly<Record<string, Json>> {
    // The JSON form of a record is an object.
    this.#context ??= recordToJson(this.#values.context) as Readonly<Record<string, Json>>;
    return this.#context;
  }

  get local(): readonly LocalEntity[] {
    this.#local ??= this.#values.local.map(localJson);
    return this.#local;
  }
}

function localJson({ attributes, parents, reference }: UnrelatedEntity): LocalEntity {
  return {
    // The JSON form of a record is an object.
    attrs: recordToJson(attributes) as Readonly<Record<string, Json>>,
    parents: parents.map(uidJson),
    uid: uidJson(reference),
  };
}

function uidJson({ id, type }: Uid): Uid {
  return { id, type };
}

/**
 * The result of an information model: the question, as far as it exists, and the entities of the directory reachable from it.
 */
export interface Posed {
  readonly principal: Uid;
  readonly action: string;
  readonly application?: string;
  readonly resource: Uid;
  /** Cedar's JSON form; members in canonical order at every level. */
  readonly context: Readonly<Record<string, Json>>;
  readonly local: readonly LocalEntity[];
  /** The same as values, if the model makes values; see {@link Question.values}. */
  readonly values?: QuestionValues | undefined;
  readonly shared: EntitySnapshot;
  readonly closure: Closure;
  readonly entityVersion: number;
  /** False if the policies cannot be asked about this principal or intent; the decision is then a deny. */
  readonly evaluable: boolean;
}

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

export function withoutQuestion(posed: Posed): Posed {
  // One by one, because members of a question made of values are getters, which a spread does not copy.
  const { principal, action, application, resource, context, local, shared, closure, entityVersion } = posed;
  const rest = { principal, action, resource, context, local, shared, closure, entityVersion, evaluable: false };
  return { ...rest, ...defined({ application }) };
}

export function questionIn(posed: Posed): Question | undefined {
  // `Posed` extends the question, so nothing is copied on the hot path.
  return posed.evaluable ? posed : undefined;
}
