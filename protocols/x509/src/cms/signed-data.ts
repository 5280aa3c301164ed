import { maxCertificateOctets, type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  integerContent,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../signatures/algorithms.ts';

/** SignedData (RFC 5652 section 5.1) with embedded content and exactly one signer with signed attributes. */
export interface SignedData {
  readonly contentType: string;
  readonly content: Uint8Array;
  readonly certificates: readonly ParsedCertificate[];
  readonly signer: SignerInfo;
}

export interface SignerInfo {
  /** How the signer's certificate is named. */
  readonly identifier:
    | { readonly kind: 'issuer-and-serial'; readonly issuer: Uint8Array; readonly serial: Uint8Array }
    | { readonly kind: 'subject-key-identifier'; readonly keyIdentifier: Uint8Array };
  readonly digestAlgorithm: AlgorithmIdentifier;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** The octets that were signed: the attributes as a SET OF (section 5.4). */
  readonly signedAttributes: Uint8Array;
  /** Encoded values by attribute type. */
  readonly attributes: ReadonlyMap<string, readonly Uint8Array[]>;
}

const maxCertificates = 16;
const maxAttributes = 32;
const maxDigestAlgorithms = 8;

/**
 * Reads signed data without verifying it.
 *
 * @param der ContentInfo (RFC 5652 section 3); the caller limits its length
 * @throws CodedError `der_malformed`, `certificate_malformed`
 */
export function readSignedData(der: Uint8Array): SignedData {
  const contentInfo = readDerSequence(der);
  if (readObjectIdentifier(contentInfo.next(tags.objectIdentifier)) !== oid.signedData)
    throw malformedDer('the CMS is not signed data');
  const wrapper = contentInfo.enter(contextConstructed(0));
  contentInfo.end();
  const signedData = wrapper.enter(tags.sequence);
  wrapper.end();

  // Section 5.1: version 3 for content other than plain data.
  if (readSmallInteger(signedData.next(tags.integer)) !== 3)
    throw malformedDer('the version of the signed data is not 3');
  const digestAlgorithms = readDigestAlgorithms(signedData.enter(tags.set));
  const encapsulated = signedData.enter(tags.sequence);
  const contentType = readObjectIdentifier(encapsulated.next(tags.objectIdentifier));
  const contentField = encapsulated.enter(contextConstructed(0));
  encapsulated.end();
  const content = contentField.next(tags.octetString).content;
  contentField.end();
  const certificates = readCertificates(signedData.enterOptional(contextConstructed(0)));
  // Revocation lists are ignored.
  signedData.optional(contextConstructed(1));
  const signers = signedData.enter(tags.set);
  signedData.end();
  const signer = readSignerInfo(signers.enter(tags.sequence));
  signers.end();
  if (!digestAlgorithms.includes(signer.digestAlgorithm.algorithm))
    throw malformedDer('the digest algorithm of the signer is not listed');
  return { contentType, content, certificates, signer };
}

function readDigestAlgorithms(list: DerReader): readonly string[] {
  const algorithms: string[] = [];
  while (!list.done && algorithms.length < maxDigestAlgorithms)
    algorithms.push(readAlgorithmIdentifier(list.enter(tags.sequence)).algorithm);
  list.end();
  return algorithms;
}

/** Skips other kinds of certificates, which have other tags (section 10.2.2). */
function readCertificates(list: DerReader | undefined): readonly ParsedCertificate[] {
  const certificates: ParsedCertificate[] = [];
  for (let count = 0; list !== undefined && !list.done; count++) {
    if (count === maxCertificates) throw malformedDer(`more than ${maxCertificates} certificates`);
    const element = list.any();
    if (element.encoding.length > maxCertificateOctets) throw malformedDer('a certificate is too long');
    if (element.tag === tags.sequence) certificates.push(readX509Certificate(element.encoding));
  }
  return certificates;
}

function readSignerInfo(reader: DerReader): SignerInfo {
  const version = readSmallInteger(reader.next(tags.integer));
  const identifier = readSignerIdentifier(reader);
  // Section 5.3: the version depends on how the certificate is named.
  if (version !== (identifier.kind === 'issuer-and-serial' ? 1 : 3))
    throw malformedDer('the version of the signer is wrong');
  const digestAlgorithm = readAlgorithmIdentifier(reader.enter(tags.sequence));
  const attributes = reader.next(contextConstructed(0));
  const signatureAlgorithm = readAlgorithmIdentifier(reader.enter(tags.sequence));
  const signature = reader.next(tags.octetString).content;
  reader.optional(contextConstructed(1));
  reader.end();
  // Section 5.4: the signature covers the attributes with the tag SET OF instead of [0].
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
    // Section 5.3: of two attributes with one type, different readers could use different ones.
    if (attributes.has(type) || attributes.size === maxAttributes)
      throw malformedDer(`the attribute ${type} occurs twice, or there are too many attributes`);
    const encodings: Uint8Array[] = [];
    while (!values.done) encodings.push(values.any().encoding);
    attributes.set(type, encodings);
  }
  return attributes;
}
