import {
  type EntityInput,
  type EntityReference,
  type EntitySnapshot,
  type EntityUid,
  type RecordValue,
  recordToJson,
  type UnrelatedEntity,
} from '@countersign/cedar';
import type { Json } from '@countersign/kernel';

/**
 * A question as the policies see it. Live decisions, the tests of a bundle, simulation, replay and search all put
 * their questions in this form, and nothing else reaches the policies.
 */
export interface Question {
  readonly principal: EntityUid;
  /** Name of the action, e.g. `order:create`. */
  readonly action: string;
  readonly resource: EntityUid;
  /** Cedar's JSON form. */
  readonly context: Readonly<Record<string, Json>>;
  /** Entities of this question alone: the resource, and what is read from the intent with it. */
  readonly local: readonly EntityInput[];
  /** Those everybody shares: the directory, and the reference data of the bundle. */
  readonly shared: EntitySnapshot;
  /** Exactly what the policies would read from all that, where whoever asks has it already. */
  readonly values?: QuestionValues | undefined;
}

/** What is in a question, as values. */
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

/** Names an entity; members in canonical order. */
export type Uid = { readonly id: string; readonly type: string };

/** An entity of one question alone, in Cedar's JSON form; members in canonical order. */
export type LocalEntity = {
  readonly attrs: Readonly<Record<string, Json>>;
  readonly parents: readonly Uid[];
  readonly uid: Uid;
};

/**
 * A question of values. Its JSON is made when somebody reads it: who writes a decision down, who looks for remedies, whom
 * another engine answers. What is permitted is permitted without.
 *
 * What is in it are members of the class: a copy made by spreading it would have none of them.
 */
export class QuestionOfValues implements Question {
  readonly action: string;
  readonly shared: EntitySnapshot;
  readonly #values: QuestionValues;
  readonly #sound: boolean;
  #context: Readonly<Record<string, Json>> | undefined;
  #local: readonly LocalEntity[] | undefined;

  /** @param sound whether the values are what would be read from their JSON; see `ValueMaker` */
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
    attrs: recordToJson(attributes) as Readonly<Record<string, Json>>,
    parents: parents.map(uidJson),
    uid: uidJson(reference),
  };
}

function uidJson({ id, type }: Uid): Uid {
  return { id, type };
}
