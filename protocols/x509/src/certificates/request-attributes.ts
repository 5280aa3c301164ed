import {
  contextConstructed,
  derElement,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { encodeGeneralName, type NewGeneralName } from './build-names.ts';

/** What a server expects in a certification request. */
export interface RequestExpectation {
  /** DER of the Name; left out when the server takes any subject. */
  readonly subject?: Uint8Array;
  /** Names that the request must have. */
  readonly names: readonly NewGeneralName[];
  /** Whether the client adds alternative names of its own choice; `names` is then empty. */
  readonly choosesNames?: boolean;
}

/**
 * CsrAttrs for EST: a key on P-256, as a template (RFC 9908 section 3.4), and as the older list for clients that do not know templates
 * (RFC 7030 section 4.5.2).
 *
 * @returns DER
 */
export function encodeRequestAttributes(expected: RequestExpectation): Uint8Array {
  const { subject, names, choosesNames = false } = expected;
  const wantsNames = choosesNames || names.length > 0;
  const curve = derObjectIdentifier(oid.p256);
  const requested =
    names.length === 0
      ? undefined
      : attribute(
          oid.extensionRequest,
          derSequence(
            derSequence(
              derObjectIdentifier(oid.subjectAltName),
              derOctetString(derSequence(...names.map(encodeGeneralName))),
            ),
          ),
        );
  // An extension without a value: the client fills it in.
  const open = attribute(
    oid.extensionRequestTemplate,
    derSequence(derSequence(derObjectIdentifier(oid.subjectAltName))),
  );
  const template = derSequence(
    derInteger(0),
    ...(subject === undefined ? [] : [subject]),
    // SubjectPublicKeyInfoTemplate, with implicit tags: an algorithm and no key.
    derElement(contextConstructed(0), derSequence(derObjectIdentifier(oid.ecPublicKey), curve)),
    derElement(contextConstructed(1), ...(wantsNames ? [requested ?? open] : [])),
  );
  return derSequence(
    attribute(oid.certificationRequestInfoTemplate, template),
    attribute(oid.ecPublicKey, curve),
    derObjectIdentifier(oid.ecdsaWithSha256),
    ...(requested === undefined ? [] : [requested]),
  );
}

const attribute = (type: string, value: Uint8Array): Uint8Array =>
  derSequence(derObjectIdentifier(type), derSetOf(tags.set, [value]));
