/** What of a certificate decides about a chain and Node's `X509Certificate` does not tell. */
export interface CertificateDetails {
  /** RFC 5280 section 4.2.1.9; undefined where there is no limit. */
  readonly pathLength: number | undefined;
  /** It limits names or policies, or holds a critical extension that is not understood here. */
  readonly constrained: boolean;
  /** SHA-2 with ECDSA or RSA, RSASSA-PSS, or Ed25519; not SHA-1, not MD5. */
  readonly signedStrongly: boolean;
}

const strongSignatures = new Set([
  '2a8648ce3d040302', // ecdsa-with-SHA256, -384, -512
  '2a8648ce3d040303',
  '2a8648ce3d040304',
  '2a864886f70d01010b', // sha256WithRSAEncryption, 384, 512
  '2a864886f70d01010c',
  '2a864886f70d01010d',
  '2a864886f70d01010a', // RSASSA-PSS
  '2b6570', // Ed25519
]);
const basicConstraints = '551d13';
/** Whatever they say, it is obeyed by being refused: name constraints, policy constraints, inhibit anyPolicy. */
const constraining = new Set(['551d1e', '551d24', '551d36']);
/** Critical and understood: key usage and extended key usage (Node checks the former), names, policies, basic constraints. */
const understood = new Set([basicConstraints, '551d0f', '551d25', '551d11', '551d20']);

/**
 * Reads a certificate's DER (RFC 5280 section 4.1).
 *
 * @param der of a certificate that OpenSSL has read already
 * @throws RangeError when it is not the DER of a certificate
 */
export function readCertificateDetails(der: Uint8Array): CertificateDetails {
  const [certificate] = elements(der);
  const [body, algorithm] = elements(content(certificate, 0x30));
  const wrapper = elements(content(body, 0x30)).find(({ tag }) => tag === 0xa3);
  const extensions =
    wrapper === undefined ? [] : elements(content(elements(wrapper.bytes)[0], 0x30)).map(readExtension);
  const constraints = extensions.find(({ name }) => name === basicConstraints);
  return {
    pathLength: constraints === undefined ? undefined : pathLengthOf(constraints.value),
    constrained: extensions.some(({ name, critical }) => constraining.has(name) || (critical && !understood.has(name))),
    signedStrongly: strongSignatures.has(hex(content(elements(content(algorithm, 0x30))[0], 0x06))),
  };
}

interface Extension {
  readonly name: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

function readExtension(element: Element): Extension {
  const parts = elements(content(element, 0x30));
  const flag = parts[1];
  return {
    name: hex(content(parts[0], 0x06)),
    critical: flag?.tag === 0x01 && flag.bytes[0] !== 0,
    value: content(parts.at(-1), 0x04),
  };
}

function pathLengthOf(value: Uint8Array): number | undefined {
  const limit = elements(content(elements(value)[0], 0x30)).find(({ tag }) => tag === 0x02);
  return limit?.bytes.reduce((number, byte) => number * 256 + byte, 0);
}

interface Element {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** The elements that stand one after the other in `der`. */
function elements(der: Uint8Array): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const tag = byteAt(der, at++);
    let length = byteAt(der, at++);
    if (length >= 0x80) {
      let digits = length - 0x80;
      if (digits < 1 || digits > 3) throw new RangeError('a length that no certificate has');
      for (length = 0; digits > 0; digits--) length = length * 256 + byteAt(der, at++);
    }
    if (at + length > der.length) throw new RangeError('an element that goes beyond its end');
    found.push({ tag, bytes: der.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function content(element: Element | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new RangeError('not the form of a certificate');
  return element.bytes;
}

function byteAt(der: Uint8Array, index: number): number {
  const byte = der[index];
  if (byte === undefined) throw new RangeError('an element that goes beyond its end');
  return byte;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
