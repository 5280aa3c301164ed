import { createPublicKey } from 'node:crypto';
import { CodedError } from '@countersign/kernel';
import type { SmartCard } from '@countersign/server';
import { buildCertificationRequest, encodeDirectoryName, encodePem } from '@countersign/x509';

/** A certificate request that proves possession of a key of the card. @param id of the key, in hexadecimal @returns PEM */
export async function requestOfCard(card: SmartCard, id: string | undefined): Promise<string> {
  if (id === undefined)
    throw new CodedError({ code: 'card_unusable', category: 'invalid', detail: 'Name the key with --certificate.' });
  const { jwk, algorithm, sign } = card.key(id.toLowerCase());
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'der', type: 'spki' });
  const request = await buildCertificationRequest({
    // The authority names the holder itself.
    subject: encodeDirectoryName([['commonName', 'Smart card']]),
    publicKey,
    algorithm,
    sign: async (octets) => sign(octets),
  });
  return encodePem('CERTIFICATE REQUEST', request);
}
