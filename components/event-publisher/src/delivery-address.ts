import { digestOf } from '@countersign/kernel';

const longestUrl = 1_024;

export const addressRule =
  'The address is an https URL of at most 1,024 characters, without user, password or fragment.';

/** As it is requested and signed. The outbound fetcher decides at each request which addresses are reachable. */
export function readAddress(text: string): string | undefined {
  const url = text.length <= longestUrl && URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.username === '' && url.password === '' && url.hash === '' && url.href.length <= longestUrl;
  if (url === undefined || !plain) return undefined;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)) ? url.href : undefined;
}

/** Loopback addresses are for development. */
function isLoopback({ hostname }: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** For records: paths and queries of receivers' addresses contain secrets, so only their digest is recorded. */
export function describeAddress(url: string) {
  return { origin: new URL(url).origin, url_digest: digestOf(url) };
}
