import { isSelfIssued, type ParsedCertificate } from '../certificates/certificate.ts';
import { type DerElement, type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { readObjectIdentifier, readSmallInteger } from '../der/read-values.ts';
import { contextPrimitive, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

const mostPolicies = 64;

/** Policies under which a path is valid: these, and any other where `any` is. */
interface ValidPolicies {
  readonly named: ReadonlySet<string>;
  readonly any: boolean;
}

export type PolicyVerdict =
  | {
      readonly ok: true;
      /** Those that the last certificate itself names and that hold for the whole path. */
      readonly policies: ReadonlySet<string>;
    }
  | { readonly ok: false };

/**
 * Under which policies a path is valid (RFC 5280 section 6.1, without mappings: a path with one is refused before).
 * Without mappings the tree of policies is a set at each depth, so nothing grows with what others have written.
 *
 * @param path from the certificate that the anchor issued to the last; the anchor's own policies do not count
 * @param required one of these must hold; none is asked for when it is empty, unless an authority does
 * @throws CodedError `der_malformed`
 */
export function policiesOfPath(path: readonly ParsedCertificate[], required: ReadonlySet<string>): PolicyVerdict {
  let valid: ValidPolicies = { named: new Set(), any: true };
  // How many certificates may still come: before a policy is needed, and for which "any policy" counts.
  let explicitAfter = required.size > 0 ? 0 : path.length + 1;
  let anyFor = path.length + 1;
  let stated: ReadonlySet<string> = new Set();

  for (const [index, certificate] of path.entries()) {
    const last = index === path.length - 1;
    const selfIssued = isSelfIssued(certificate);
    stated = policiesOf(certificate) ?? new Set();
    valid = narrowed(valid, stated, anyFor > 0 || (!last && selfIssued));
    if (explicitAfter === 0 && isNone(valid)) return { ok: false };
    const { explicit, inhibitAny } = limitsOf(certificate);
    if (last) {
      if (explicitAfter > 0) explicitAfter--;
      if (explicit === 0) explicitAfter = 0;
      break;
    }
    if (!selfIssued) {
      explicitAfter = Math.max(0, explicitAfter - 1);
      anyFor = Math.max(0, anyFor - 1);
    }
    explicitAfter = Math.min(explicitAfter, explicit ?? Infinity);
    anyFor = Math.min(anyFor, inhibitAny ?? Infinity);
  }
  const wanted = required.size === 0 ? valid : restricted(valid, required);
  if (explicitAfter === 0 && isNone(wanted)) return { ok: false };
  return { ok: true, policies: new Set([...wanted.named].filter((policy) => stated.has(policy))) };
}

function narrowed(above: ValidPolicies, stated: ReadonlySet<string>, anyCounts: boolean): ValidPolicies {
  const any = stated.has(oid.anyPolicy) && anyCounts;
  const named = [...stated].filter((policy) => policy !== oid.anyPolicy && (above.any || above.named.has(policy)));
  return { named: new Set(any ? [...named, ...above.named] : named), any: any && above.any };
}

/** What the path is valid for of what is wanted; "any policy" to the end stands for each of them. */
function restricted({ named, any }: ValidPolicies, required: ReadonlySet<string>): ValidPolicies {
  return { named: new Set([...required].filter((policy) => any || named.has(policy))), any: false };
}

const isNone = ({ named, any }: ValidPolicies): boolean => named.size === 0 && !any;

/** Undefined without the extension; then no policy holds from there on. */
function policiesOf({ extensions }: ParsedCertificate): ReadonlySet<string> | undefined {
  const extension = extensions.get(oid.certificatePolicies);
  if (extension === undefined) return undefined;
  const list = readDerSequence(extension.value);
  const policies = new Set<string>();
  while (!list.done) {
    const information = list.enter(tags.sequence);
    const policy = readObjectIdentifier(information.next(tags.objectIdentifier));
    const qualifiers = information.enterOptional(tags.sequence);
    information.end();
    if (extension.critical) requireKnownQualifiers(qualifiers);
    // RFC 5280 section 4.2.1.4: a policy stands once.
    if (policies.has(policy) || policies.size === mostPolicies)
      throw malformedDer('a policy that stands twice, or too many');
    policies.add(policy);
  }
  return policies;
}

function requireKnownQualifiers(qualifiers: DerReader | undefined): void {
  while (qualifiers !== undefined && !qualifiers.done) {
    const id = readObjectIdentifier(qualifiers.enter(tags.sequence).next(tags.objectIdentifier));
    if (id !== oid.policyPractices && id !== oid.policyUserNotice)
      throw malformedDer(`a critical policy with the qualifier ${id}`);
  }
}

/** Policy constraints and inhibit-any-policy (RFC 5280 sections 4.2.1.11 and 4.2.1.14). */
function limitsOf({ extensions }: ParsedCertificate): {
  readonly explicit: number | undefined;
  readonly inhibitAny: number | undefined;
} {
  const constraints = extensions.get(oid.policyConstraints);
  const inhibiting = extensions.get(oid.inhibitAnyPolicy);
  let explicit: number | undefined;
  if (constraints !== undefined) {
    const reader = readDerSequence(constraints.value);
    explicit = countOf(reader.optional(contextPrimitive(0)));
    const mapping = countOf(reader.optional(contextPrimitive(1)));
    reader.end();
    if (explicit === undefined && mapping === undefined) throw malformedDer('policy constraints that are empty');
  }
  if (inhibiting === undefined) return { explicit, inhibitAny: undefined };
  const reader = readDer(inhibiting.value);
  const inhibitAny = countOf(reader.next(tags.integer));
  reader.end();
  return { explicit, inhibitAny };
}

function countOf(element: DerElement | undefined): number | undefined {
  if (element === undefined) return undefined;
  const count = readSmallInteger(element);
  if (count < 0) throw malformedDer('a number of certificates below zero');
  return count;
}
