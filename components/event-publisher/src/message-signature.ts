import { createHash } from 'node:crypto';
import type { SignatureFields, Signer } from '@countersign/contracts';

/**
 * Signs a request as an HTTP message (RFC 9421): method, target, content type and digest of the body (RFC 9530), with
 * ecdsa-p256-sha256. A signature over less could be carried over to another message.
 *
 * @returns the fields to send with it, names in lower case
 */
export async function signMessage(
  message: { readonly method: 'POST'; readonly url: string; readonly contentType: string; readonly body: string },
  { signer, createdSeconds }: { readonly signer: Pick<Signer, 'current' | 'sign'>; readonly createdSeconds: number },
): Promise<SignatureFields> {
  const { method, url, contentType, body } = message;
  const { kid } = await signer.current('event');
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const parameters =
    `("@method" "@target-uri" "content-digest" "content-type");created=${createdSeconds}` +
    `;expires=${createdSeconds + lifetimeSeconds};keyid="${kid}";alg="ecdsa-p256-sha256"`;
  // RFC 9421 section 2.5.
  const base = [
    `"@method": ${method}`,
    `"@target-uri": ${url}`,
    `"content-digest": ${digest}`,
    `"content-type": ${contentType}`,
    `"@signature-params": ${parameters}`,
  ].join('\n');
  const { signature } = await signer.sign('event', kid, Buffer.from(base));
  return {
    'content-digest': digest,
    'signature-input': `countersign=${parameters}`,
    signature: `countersign=:${Buffer.from(signature).toString('base64')}:`,
  };
}

/** Each try is signed anew, so it need not last longer than clocks differ and queues wait. */
const lifetimeSeconds = 300;
