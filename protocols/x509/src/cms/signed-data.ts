import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../algorithms.ts';
import { maxCertificateOctets, type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { integerContent, readObjectIdentifier, readSmallInteger } from '../der/read-values.ts';
import { contextConstructed, contextPrimitive, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

/** A SignedData (RFC 5652 section 5.1) with its content inside, and exactly one signer who signed attributes. */
export interface SignedData {
  readonly contentType: string;
  readonly content: Uint8Array;
  readonly certificates: readonly ParsedCertificate[];
  readonly signer: SignerInfo;
}

export interface SignerInfo {
  /** Which certificate its key is in. */
  readonly identifier:
    | { readonly kind: 'issuer-and-serial'; readonly issuer: Uint8Array; readonly serial: Uint8Array }
    | { readonly kind: 'subject-key-identifier'; readonly keyIdentifier: Uint8Array };
  readonly digestAlgorithm: AlgorithmIdentifier;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** The octets the signature is over: the attributes as a SET OF (section 5.4). */
  readonly signedAttributes: Uint8Array;
  /** Encodings of the values by attribute type; each type stands once. */
  readonly attributes: ReadonlyMap<string, readonly Uint8Array[]>;
}

const maxCertificates = 16;
const maxAttributes = 32;
const maxDigestAlgorithms = 8;

/**
 * @param der ContentInfo (RFC 5652 section 3); the caller has bounded its length
 * @throws CodedError `der_malformed`, `certificate_malformed`
 */
export function readSignedData(der: Uint8Array): SignedData {
  const contentInfo = readDerSequence(der);
  if (readObjectIdentifier(contentInfo.next(tags.objectIdentifier)) !== oid.signedData)
    throw malformedDer('a CMS that is not signed data');
  const wrapper = contentInfo.enter(contextConstructed(0));
  contentInfo.end();
  const signedData = wrapper.enter(tags.sequence);
  wrapper.end();

  // Section 5.1: version 3 for any content that is not plain data.
  if (readSmallInteger(signedData.next(tags.integer)) !== 3)
    throw malformedDer('signed data of another version than 3');
  const digestAlgorithms = readDigestAlgorithms(signedData.enter(tags.set));
  const encapsulated = signedData.enter(tags.sequence);
  const contentType = readObjectIdentifier(encapsulated.next(tags.objectIdentifier));
  const contentField = encapsulated.enter(contextConstructed(0));
  encapsulated.end();
  const content = contentField.next(tags.octetString).content;
  contentField.end();
  const certificates = readCertificates(signedData.enterOptional(contextConstructed(0)));
  // Revocation lists: nothing here reads them.
  signedData.optional(contextConstructed(1));
  const signers = signedData.enter(tags.set);
  signedData.end();
  const signer = readSignerInfo(signers.enter(tags.sequence));
  signers.end();
  if (!digestAlgorithms.includes(signer.digestAlgorithm.algorithm))
    throw malformedDer('a signer with a digest algorithm that was not announced');
  return { contentType, content, certificates, signer };
}

function readDigestAlgorithms(list: DerReader): readonly string[] {
  const algorithms: string[] = [];
  while (!list.done && algorithms.length < maxDigestAlgorithms)
    algorithms.push(readAlgorithmIdentifier(list.enter(tags.sequence)).algorithm);
  list.end();
  return algorithms;
}

/** Other kinds than X.509 certificates stand there by tags of their own (section 10.2.2), and are passed over. */
function readCertificates(list: DerReader | undefined): readonly ParsedCertificate[] {
  const certificates: ParsedCertificate[] = [];
  for (let count = 0; list !== undefined && !list.done; count++) {
    if (count === maxCertificates) throw malformedDer(`more than ${maxCertificates} certificates`);
    const element = list.any();
    if (element.encoding.length > maxCertificateOctets) throw malformedDer('a certificate that is too long');
    if (element.tag === tags.sequence) certificates.push(readX509Certificate(element.encoding));
  }
  return certificates;
}

function readSignerInfo(reader: DerReader): SignerInfo {
  const version = readSmallInteger(reader.next(tags.integer));
  const identifier = readSignerIdentifier(reader);
  // Section 5.3: the version follows from how the certificate is named.
  if (version !== (identifier.kind === 'issuer-and-serial' ? 1 : 3))
    throw malformedDer('a signer of a version that does not fit');
  const digestAlgorithm = readAlgorithmIdentifier(reader.enter(tags.sequence));
  const attributes = reader.next(contextConstructed(0));
  const signatureAlgorithm = readAlgorithmIdentifier(reader.enter(tags.sequence));
  const signature = reader.next(tags.octetString).content;
  reader.optional(contextConstructed(1));
  reader.end();
  // Section 5.4: signed is the encoding as a SET OF, not as the field it stands in.
  const signedAttributes = Uint8Array.from(attributes.encoding);
  signedAttributes[0] = tags.set;
  return {
    identifier,
    digestAlgorithm,
    signatureAlgorithm,
    signature,
    signedAttributes,
    attributes: readAttributes(readDer(signedAttributes).enter(tags.set)),
  };
}

function readSignerIdentifier(reader: DerReader): SignerInfo['identifier'] {
  const keyIdentifier = reader.optional(contextPrimitive(0));
  if (keyIdentifier !== undefined) return { kind: 'subject-key-identifier', keyIdentifier: keyIdentifier.content };
  const issuerAndSerial = reader.enter(tags.sequence);
  const issuer = issuerAndSerial.next(tags.sequence).encoding;
  const serial = integerContent(issuerAndSerial.next(tags.integer));
  issuerAndSerial.end();
  return { kind: 'issuer-and-serial', issuer, serial };
}

function readAttributes(list: DerReader): ReadonlyMap<string, readonly Uint8Array[]> {
  const attributes = new Map<string, readonly Uint8Array[]>();
  while (!list.done) {
    const attribute = list.enter(tags.sequence);
    const type = readObjectIdentifier(attribute.next(tags.objectIdentifier));
    const values = attribute.enter(tags.set);
    attribute.end();
    // Section 5.3: the attributes are a set by their types; of two, each reader could see another.
    if (attributes.has(type) || attributes.size === maxAttributes)
      throw malformedDer(`attribute ${type} twice, or too many`);
    const encodings: Uint8Array[] = [];
    while (!values.done) encodings.push(values.any().encoding);
    attributes.set(type, encodings);
  }
  return attributes;
}
