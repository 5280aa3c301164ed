import { digestOf } from '@countersign/kernel';

const longestUrl = 1_024;

/** What is wrong with an address, for whoever gave it. */
export const addressRule =
  'The address is an https URL of at most 1,024 characters, without user, password or fragment.';

/**
 * An address as it is sent to, and signed; undefined when it is none. Which addresses are let near is the outbound
 * fetcher's to say, each time.
 */
export function readAddress(text: string): string | undefined {
  const url = text.length <= longestUrl && URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.username === '' && url.password === '' && url.hash === '' && url.href.length <= longestUrl;
  if (url === undefined || !plain) return undefined;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)) ? url.href : undefined;
}

/** In development. */
function isLoopback({ hostname }: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** Paths and queries of such addresses hold secrets of the receiver: their digest is enough to recognise one by. */
export function describeAddress(url: string) {
  return { origin: new URL(url).origin, url_digest: digestOf(url) };
}
