import { policyErrors } from '@countersign/contracts';
import { type Digest, decodeBase64Url, parseJson, sha256Base64Url } from '@countersign/kernel';

/** Where a search goes on. */
export interface PagePosition {
  /** Key of the last candidate that was looked at. */
  readonly after: string;
  /** Results a page, as the first request asked. */
  readonly limit: number;
}

const checkLength = 22;

/**
 * A page token (AuthZEN 1.0 section 8.2): a position, and which request it belongs to. Nobody's right depends on it:
 * whoever makes one up gets what the same request without it would have shown further on. So it has a check sum against
 * mutilation and no key.
 *
 * @param request digest of everything of the request but its page, and of whose request it is
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
  if (text === '' || more.length > 0 || check !== checkOf(text)) throw refuse('is not one that was given out here');
  const read = parseJson(text);
  const [version, limit, after, digest] = read.ok && Array.isArray(read.value) ? read.value : [];
  // Nobody needs our help to write the check sum: a page is no larger by token than by asking for it.
  const page = typeof limit === 'number' && Number.isInteger(limit) && limit >= 0 && limit <= maxLimit;
  if (version !== 1 || !page || typeof after !== 'string') throw refuse('is not one that was given out here');
  if (digest !== request) throw refuse('belongs to another request: all of it but the token stays the same');
  return { after, limit };
}

function checkOf(text: string): string {
  return sha256Base64Url(`countersign page token ${text}`).slice(0, checkLength);
}

function refuse(what: string) {
  return policyErrors.error('page_token_invalid', `page.token ${what}.`);
}
