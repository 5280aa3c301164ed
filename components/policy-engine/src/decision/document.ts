import { canonicalize, type Digest, type Json, sha256Base64Url } from '@countersign/kernel';
import { escaped, uidText } from './canonical-text.ts';
import { findingJson, type LimitFinding } from './limit-finding.ts';
import type { Posed } from './posed.ts';

/** The input of a decision, and its digest. */
export interface WrittenInput {
  /**
   * `{ action, context, entities, limits?, local, principal, resource, unevaluable?, v: 1 }`. What of the directory could
   * be read is in `entities`, by type, id and digest; the reference data of the policies is covered by their hash.
   */
  readonly input: Json;
  /** Of its canonical form (RFC 8785). */
  readonly digest: Digest;
}

/**
 * Writes down all that a decision is made from.
 *
 * Every member is made in canonical order, so its canonical form needs no sorting: this runs for every decision.
 *
 * @throws CodedError `not_canonicalizable` for text with a lone surrogate
 */
export function writeInput(posed: Posed, finding?: LimitFinding): WrittenInput {
  const { action, closure, context, local, principal, resource } = posed;
  const limits = finding === undefined ? undefined : findingJson(finding);
  const entities = closure.listed;
  const input =
    limits === undefined && posed.evaluable
      ? { action, context, entities, local, principal, resource, v: 1 }
      : {
          action,
          context,
          entities,
          ...(limits === undefined ? {} : { limits }),
          local,
          principal,
          resource,
          ...(posed.evaluable ? {} : { unevaluable: true }),
          v: 1,
        };
  const { context: contextText, local: localText } = posed.text ?? written(posed);
  let text = `{"action":"${escaped(action)}","context":${contextText},"entities":${closure.text}${
    limits === undefined ? '' : `,"limits":${JSON.stringify(limits)}`
  },"local":${localText},"principal":${uidText(principal.type, principal.id)},"resource":${uidText(resource.type, resource.id)}${
    posed.evaluable ? '' : ',"unevaluable":true'
  },"v":1}`;
  // How JSON.stringify writes a lone surrogate, and hardly anything else: then it is looked at properly.
  if (text.includes('\\ud')) text = canonicalize(input);
  return { input, digest: sha256Base64Url(text) as Digest };
}

function written({ context, local }: Posed): NonNullable<Posed['text']> {
  return { context: JSON.stringify(context), local: JSON.stringify(local) };
}
