import { encodeHashAlgorithmWithNull, hashNameOf, readAlgorithmIdentifier } from '../algorithms.ts';
import type { DerReader } from '../der/der-reader.ts';
import { derOctetString, derSequence } from '../der/der-writer.ts';
import { tags } from '../der/tags.ts';
import { x509Errors } from '../errors.ts';
import type { HashName } from '../signature-scheme.ts';

/** What is stamped: a digest, and of which kind it is (RFC 3161 section 2.4.1). */
export interface MessageImprint {
  readonly hash: HashName;
  readonly digest: Uint8Array;
}

const digestOctets: Readonly<Record<HashName, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/**
 * @throws CodedError `algorithm_unsupported`, `timestamp_malformed` when the digest has not the length of its kind
 *   (section 2.1, point 7)
 */
export function readMessageImprint(reader: DerReader): MessageImprint {
  const hash = hashNameOf(readAlgorithmIdentifier(reader.enter(tags.sequence)));
  const digest = reader.next(tags.octetString).content;
  reader.end();
  if (digest.length !== digestOctets[hash])
    throw x509Errors.error('timestamp_malformed', `A digest by ${hash} has ${digestOctets[hash]} octets.`);
  return { hash, digest };
}

export function encodeMessageImprint({ hash, digest }: MessageImprint): Uint8Array {
  if (digest.length !== digestOctets[hash]) throw new Error(`a digest by ${hash} has ${digestOctets[hash]} octets`);
  return derSequence(encodeHashAlgorithmWithNull(hash), derOctetString(digest));
}
