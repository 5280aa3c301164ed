import { isSelfIssued, type ParsedCertificate } from '../certificates/certificate.ts';
import {
  contextPrimitive,
  type DerElement,
  type DerReader,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

const maxPolicies = 64;

/** Policies under which a path is valid; `any` means every policy. */
interface ValidPolicies {
  readonly named: ReadonlySet<string>;
  readonly any: boolean;
}

export type PolicyVerdict =
  | {
      readonly ok: true;
      /** Policies that the leaf names and that hold for the whole path. */
      readonly policies: ReadonlySet<string>;
    }
  | { readonly ok: false };

/**
 * Determines the policies of a path (RFC 5280 section 6.1). Paths with policy mappings are refused before, so the policy
 * tree is one set at each depth and cannot grow exponentially.
 *
 * @param path from the certificate that the anchor issued to the leaf; the anchor's own policies are ignored
 * @param required one of these must hold; if empty, a policy is required only where an authority requires one
 * @throws CodedError `der_malformed`
 */
export function policiesOfPath(path: readonly ParsedCertificate[], required: ReadonlySet<string>): PolicyVerdict {
  let valid: ValidPolicies = { named: new Set(), any: true };
  // Certificates that may follow before a policy is required, and for which anyPolicy is still accepted.
  let explicitAfter = required.size > 0 ? 0 : path.length + 1;
  let anyFor = path.length + 1;
  let named: ReadonlySet<string> = new Set();

  for (const [index, certificate] of path.entries()) {
    const last = index === path.length - 1;
    const selfIssued = isSelfIssued(certificate);
    named = policiesOf(certificate);
    valid = intersectPolicies(valid, named, anyFor > 0 || (!last && selfIssued));
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
  const selected = required.size === 0 ? valid : selectRequired(valid, required);
  if (explicitAfter === 0 && isNone(selected)) return { ok: false };
  return { ok: true, policies: new Set([...selected.named].filter((policy) => named.has(policy))) };
}

function intersectPolicies(above: ValidPolicies, stated: ReadonlySet<string>, acceptsAny: boolean): ValidPolicies {
  const any = stated.has(oid.anyPolicy) && acceptsAny;
  const named = [...stated].filter((policy) => policy !== oid.anyPolicy && (above.any || above.named.has(policy)));
  return { named: new Set(any ? [...named, ...above.named] : named), any: any && above.any };
}

/** The required policies under which the path is valid; anyPolicy covers all of them. */
function selectRequired({ named, any }: ValidPolicies, required: ReadonlySet<string>): ValidPolicies {
  return { named: new Set([...required].filter((policy) => any || named.has(policy))), any: false };
}

const isNone = ({ named, any }: ValidPolicies): boolean => named.size === 0 && !any;

/** Without the extension a certificate has no policies. @throws CodedError `der_malformed` */
export function policiesOf({ extensions }: ParsedCertificate): ReadonlySet<string> {
  const extension = extensions.get(oid.certificatePolicies);
  if (extension === undefined) return new Set();
  const list = readDerSequence(extension.value);
  const policies = new Set<string>();
  while (!list.done) {
    const information = list.enter(tags.sequence);
    const policy = readObjectIdentifier(information.next(tags.objectIdentifier));
    const qualifiers = information.enterOptional(tags.sequence);
    information.end();
    if (extension.critical) requireKnownQualifiers(qualifiers);
    // RFC 5280 section 4.2.1.4: a policy must not occur twice.
    if (policies.has(policy) || policies.size === maxPolicies)
      throw malformedDer('a policy occurs twice, or there are too many policies');
    policies.add(policy);
  }
  return policies;
}

function requireKnownQualifiers(qualifiers: DerReader | undefined): void {
  while (qualifiers !== undefined && !qualifiers.done) {
    const id = readObjectIdentifier(qualifiers.enter(tags.sequence).next(tags.objectIdentifier));
    if (id !== oid.policyPractices && id !== oid.policyUserNotice)
      throw malformedDer(`a critical policy has the unsupported qualifier ${id}`);
  }
}

/** Policy constraints and inhibitAnyPolicy (RFC 5280 sections 4.2.1.11 and 4.2.1.14). */
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
    if (explicit === undefined && mapping === undefined) throw malformedDer('empty policy constraints');
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
  if (count < 0) throw malformedDer('a negative number of certificates');
  return count;
}
