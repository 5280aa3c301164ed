import { CodedError } from '@countersign/kernel';
import {
  encodeStatusRequest,
  isIssuedBy,
  type ParsedCertificate,
  readX509Certificate,
  respondersOf,
} from '@countersign/x509';

const timeoutMs = 10_000;
const maxOctets = 65_536;
const longestChain = 6;

/**
 * The certificate with its authorities, and OCSP responses of their responders. Without `given`, the authorities are those of the
 * installation.
 *
 * @throws CodedError `card_unusable`
 */
export async function chainOf(
  certificate: ParsedCertificate,
  { issuer, given }: { readonly issuer: string; readonly given: string | undefined },
): Promise<{ readonly certificates: readonly Uint8Array[]; readonly statuses: readonly Uint8Array[] }> {
  const pem = given ?? Buffer.from(await ask(`${issuer}/pki/authorities`)).toString('latin1');
  const authorities = certificatesIn(pem);
  const chain = [certificate];
  for (let top = certificate; chain.length < longestChain; ) {
    const above = authorities.find((one) => one !== top && isIssuedBy(top, one));
    if (above === undefined || chain.includes(above)) break;
    chain.push(above);
    top = above;
  }
  if (chain.length === 1)
    throw unusable('The authority of the certificate is unknown here. Name its file with --chain.');
  const statuses = await Promise.all(
    chain.slice(0, -1).map(async (one, index) => {
      const [responder] = respondersOf(one);
      const above = chain[index + 1];
      if (responder === undefined || above === undefined) return [];
      const body = encodeStatusRequest(one, above);
      return [await ask(responder, { method: 'POST', headers: { 'content-type': 'application/ocsp-request' }, body })];
    }),
  );
  return { certificates: chain.map(({ encoding }) => encoding), statuses: statuses.flat() };
}

function certificatesIn(pem: string): readonly ParsedCertificate[] {
  const blocks = pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g);
  return Array.from(blocks, ([, body = '']) => readX509Certificate(Buffer.from(body, 'base64')));
}

async function ask(url: string, options: RequestInit = {}): Promise<Uint8Array> {
  try {
    const answer = await fetch(url, { ...options, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const octets = new Uint8Array(await answer.arrayBuffer());
    if (octets.length > maxOctets) throw new Error(`more than ${maxOctets} octets`);
    return octets;
  } catch (cause) {
    throw unusable(`${url} gives no answer that can be used.`, cause);
  }
}

function unusable(detail: string, cause?: unknown): CodedError {
  return new CodedError({ code: 'card_unusable', category: 'invalid', detail, cause });
}
