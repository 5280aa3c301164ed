import type { UnrelatedEntity } from '@countersign/cedar';
import { canonicalize, type Digest, type Json, sha256Base64Url } from '@countersign/kernel';
import { escaped, listText, recordText, uidText } from './canonical-text.ts';
import { findingJson, type LimitFinding } from './limit-finding.ts';
import type { Posed } from './posed.ts';
import type { QuestionValues } from './question.ts';

/** The input of a decision, and its digest. */
export interface WrittenInput {
  /**
   * `{ action, application?, context, entities, limits?, local, principal, resource, unevaluable?, v: 1 }`. `entities` lists the
   * readable entities of the directory by type, id and digest. The policy hash covers the bundle's own reference data.
   */
  readonly input: Json;
  /** Canonical form of the input (RFC 8785). */
  readonly text: string;
  /** Digest of `text`. */
  readonly digest: Digest;
}

/**
 * The recorded input of a decision. Text that cannot be written is refused now; the rest is written on first read, so that a
 * decision without a record costs nothing.
 *
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
  return { input, text, digest: sha256Base64Url(text) as Digest };
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
    this.#digest ??= sha256Base64Url(this.text) as Digest;
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
