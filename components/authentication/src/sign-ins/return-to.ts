import { authenticationErrors } from '@countersign/contracts';

const longest = 4_096;

/**
 * The path, query and fragment of `text` when it leads to our own origin and nowhere else.
 *
 * Browsers read `\` as `/`, drop tabs and line breaks, and take `//host` for another host; `/..//host` becomes
 * `//host` only once it is normalised. So both the text and what the URL parser makes of it are looked at.
 *
 * @throws CodedError `return_to_foreign`
 */
export function ownPath(text: string, origin: string): string {
  const suspicious = text.length > longest || !/^\/(?!\/)[\x21-\x7e]*$/.test(text) || text.includes('\\');
  const url = suspicious || !URL.canParse(text, origin) ? undefined : new URL(text, origin);
  const path = url === undefined ? '' : url.pathname + url.search + url.hash;
  if (url?.origin !== origin || path.startsWith('//'))
    throw authenticationErrors.error('return_to_foreign', 'A sign-in leads back to a path on our own origin only.');
  return path;
}
