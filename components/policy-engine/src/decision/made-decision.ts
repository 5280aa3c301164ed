import type { RecordValue, UnrelatedEntity, Value } from '@countersign/cedar';
import type { Decision, PolicyVersion, RecordedAnswer } from '@countersign/contracts';
import {
  canonicalize,
  type DecisionId,
  type Digest,
  type Json,
  type RecordId,
  sha256Digest,
} from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { memoised } from '../memoised.ts';
import type { Verdict } from './judge.ts';
import { findingJson, type LimitFinding } from './limit-finding.ts';
import type { Posed, QuestionValues } from './question.ts';

/**
 * A decision whose input is written on first read; see `writeInput`. Input and digest are getters, which a spread does not copy, so
 * {@link recordedAnswer} names them.
 */
export class MadeDecision implements Decision {
  readonly id: DecisionId;
  readonly decision: boolean;
  readonly policyVersion: number;
  readonly policyHash: Decision['policyHash'];
  readonly determining: Decision['determining'];
  readonly errors: Decision['errors'];
  readonly reasons: Decision['reasons'];
  readonly obligations: Decision['obligations'];
  readonly tokenLifetimeSeconds?: number;
  readonly timeStamp?: true;
  readonly entityVersion: number;
  readonly policyRecord: RecordId;
  readonly #written: WrittenInput;

  constructor(
    id: DecisionId,
    version: Pick<PolicyVersion, 'version' | 'hash' | 'recordId'>,
    verdict: Verdict,
    entityVersion: number,
    written: WrittenInput,
  ) {
    this.id = id;
    this.decision = verdict.decision;
    this.policyVersion = version.version;
    this.policyHash = version.hash;
    this.determining = verdict.determining;
    this.errors = verdict.errors;
    this.reasons = verdict.reasons;
    this.obligations = verdict.obligations;
    if (verdict.tokenLifetimeSeconds !== undefined) this.tokenLifetimeSeconds = verdict.tokenLifetimeSeconds;
    if (verdict.timeStamp !== undefined) this.timeStamp = verdict.timeStamp;
    this.entityVersion = entityVersion;
    this.policyRecord = version.recordId;
    this.#written = written;
  }

  get input(): Json {
    return this.#written.input;
  }

  get inputDigest(): Decision['inputDigest'] {
    return this.#written.digest;
  }

  get inputText(): string {
    return this.#written.text;
  }
}

export function recordedAnswer(made: MadeDecision, recordId: RecordId, notes: LoadedBundle['notes']): RecordedAnswer {
  return {
    ...made,
    // Getters, because few readers of an answer need these members.
    get input() {
      return made.input;
    },
    get inputDigest() {
      return made.inputDigest;
    },
    get inputText() {
      return made.inputText;
    },
    get policies() {
      return made.determining.map((id) => {
        const { effect, text } = notes(id);
        return { id, effect, text };
      });
    },
    recordId,
  };
}

export interface WrittenInput {
  /**
   * `{ action, application?, context, entities, limits?, local, principal, resource, unevaluable?, v: 1 }`. `entities` lists the
   * readable entities of the directory by type, id and digest. The policy hash covers the bundle's own reference data.
   */
  readonly input: Json;
  readonly text: string;
  readonly digest: Digest;
}

/**
 * The recorded input of a decision. Text that cannot be written is refused now; the rest is written on first read, so that a
 * decision without a record costs nothing.
 * @throws CodedError `not_canonicalizable` for text with a lone surrogate
 */
export function writeInput(posed: Posed, finding?: LimitFinding): WrittenInput {
  const { action, values } = posed;
  if (values !== undefined && finding === undefined) {
    const { principal, resource } = values;
    if (action.isWellFormed() && principal.id.isWellFormed() && resource.id.isWellFormed())
      return new InputOfValues(posed, values);
  }
  const input = inputJson(posed, finding);
  const text = canonicalize(input);
  return { input, text, digest: sha256Digest(text) };
}

/** Members are in canonical order. */
function inputJson(
  { action, application, closure, context, evaluable, local, principal, resource }: Posed,
  finding?: LimitFinding,
) {
  return {
    action,
    ...(application === undefined ? {} : { application }),
    context,
    entities: closure.listed,
    ...(finding === undefined ? {} : { limits: findingJson(finding) }),
    local,
    principal,
    resource,
    ...(evaluable ? {} : { unevaluable: true }),
    v: 1,
  };
}

class InputOfValues implements WrittenInput {
  readonly #posed: Posed;
  readonly #values: QuestionValues;
  #input: Json | undefined;
  #text: string | undefined;
  #digest: Digest | undefined;

  constructor(posed: Posed, values: QuestionValues) {
    this.#posed = posed;
    this.#values = values;
  }

  get input(): Json {
    this.#input ??= inputJson(this.#posed);
    return this.#input;
  }

  get digest(): Digest {
    this.#digest ??= sha256Digest(this.text);
    return this.#digest;
  }

  get text(): string {
    this.#text ??= this.#written();
    return this.#text;
  }

  #written(): string {
    const { action, closure, evaluable } = this.#posed;
    const { context, local, principal, resource } = this.#values;
    return `{"action":"${escaped(action)}","context":${recordText(context)},"entities":${closure.text},"local":[${listText(local, entityText)}],"principal":${uidText(principal)},"resource":${uidText(resource)}${
      evaluable ? '' : ',"unevaluable":true'
    },"v":1}`;
  }
}

function entityText({ attributes, parents, reference }: UnrelatedEntity): string {
  return `{"attrs":${recordText(attributes)},"parents":[${listText(parents, uidText)}],"uid":${uidText(reference)}}`;
}

/**
 * Writes canonical JSON (RFC 8785) directly from the values of a decision, because the general writer takes as long as evaluating
 * all policies. Records are made with their names in canonical order (`recordShape`). A test compares the text with the general writer.
 */

/** Characters that JSON escapes, or might. */
const unplain = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/** The content of a JSON string, without its quotes. */
function escaped(text: string): string {
  return unplain.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

/** The name of an entity. @param type a type name, which never needs escaping */
function uidText({ type, id }: { readonly type: string; readonly id: string }): string {
  return `{"id":"${escaped(id)}","type":"${type}"}`;
}

/** `recordToJson` of the value, as text. */
function recordText({ names, values }: RecordValue): string {
  const openings = openingsOf(names);
  let text = '';
  for (let place = 0; place < values.length; place++) {
    const value = values[place];
    if (value !== undefined) text += `${openings[place]}${valueText(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

function valueText(value: Value): string {
  if (typeof value === 'string') return `"${escaped(value)}"`;
  if (typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'entity':
      return `{"__entity":${uidText(value)}}`;
    case 'record':
      return recordText(value);
    case 'set':
      return `[${listText(value.items, valueText)}]`;
    case 'decimal':
      return extensionText('decimal', value.written ?? value.toString());
    case 'datetime':
      if (value.written !== undefined) return extensionText('datetime', value.written);
      break;
    default:
  }
  throw new Error(`no information model makes values of the kind ${value.kind} without their text`);
}

/** Items in their order, without the brackets. */
function listText<Item>(items: readonly Item[], textOf: (item: Item) => string): string {
  let text = '';
  for (const item of items) text += text === '' ? textOf(item) : `,${textOf(item)}`;
  return text;
}

function extensionText(fn: string, arg: string): string {
  return `{"__extn":{"arg":"${escaped(arg)}","fn":"${fn}"}}`;
}

/** The text before each value. Records of one shape share their list of names. */
const openingsOf = memoised((names: readonly string[]) =>
  names.map((name, place) => `${place === 0 ? '{' : ','}"${escaped(name)}":`),
);
