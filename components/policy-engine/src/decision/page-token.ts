import { policyErrors } from '@countersign/contracts';
import { type Digest, decodeBase64Url, parseJson, sha256Base64Url } from '@countersign/kernel';

/** The position at which a search continues. */
export interface PagePosition {
  /** Key of the last examined candidate. */
  readonly after: string;
  /** Results for each page, from the first request. */
  readonly limit: number;
}

const checkLength = 22;

/**
 * A page token (AuthZEN 1.0 section 8.2): a position and the digest of its request. A forged token reveals only what the same
 * request would have returned on a later page, so it has a checksum against corruption and no key.
 *
 * @param request digest of the request without its page, and of the caller's institution
 */
export function writePageToken({ after, limit }: PagePosition, request: Digest): string {
  const text = JSON.stringify([1, limit, after, request]);
  return `${Buffer.from(text).toString('base64url')}.${checkOf(text)}`;
}

/**
 * @param maxLimit results that a page may hold
 * @throws CodedError `page_token_invalid`: not one of ours, or of another request
 */
export function readPageToken(token: string, request: Digest, maxLimit: number): PagePosition {
  const [encoded = '', check, ...more] = token.split('.');
  const text = decodeBase64Url(encoded)?.toString() ?? '';
  if (text === '' || more.length > 0 || check !== checkOf(text)) throw refuse('was not issued here');
  const read = parseJson(text);
  const [version, limit, after, digest] = read.ok && Array.isArray(read.value) ? read.value : [];
  // Anyone can compute the checksum, so a token must not raise the page size above the maximum.
  const page = typeof limit === 'number' && Number.isInteger(limit) && limit >= 0 && limit <= maxLimit;
  if (version !== 1 || !page || typeof after !== 'string') throw refuse('was not issued here');
  if (digest !== request)
    throw refuse('belongs to another request. Repeat the first request unchanged and add only the token');
  return { after, limit };
}

function checkOf(text: string): string {
  return sha256Base64Url(`countersign page token ${text}`).slice(0, checkLength);
}

function refuse(what: string) {
  return policyErrors.error('page_token_invalid', `page.token ${what}.`);
}
