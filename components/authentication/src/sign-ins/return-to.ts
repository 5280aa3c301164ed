import { authenticationErrors } from '@countersign/contracts';

const longest = 4_096;

/**
 * The path, query and fragment of `text` if it leads to our own origin. Both the text and the parsed URL are checked, because
 * browsers read `\` as `/`, drop line breaks and take `//host` and, once normalised, `/..//host` for another host.
 * @throws CodedError `return_to_foreign`
 */
export function ownPath(text: string, origin: string): string {
  const suspicious = text.length > longest || !/^\/(?!\/)[\x21-\x7e]*$/.test(text) || text.includes('\\');
  const url = suspicious || !URL.canParse(text, origin) ? undefined : new URL(text, origin);
  const path = url === undefined ? '' : url.pathname + url.search + url.hash;
  if (url?.origin !== origin || path.startsWith('//'))
    throw authenticationErrors.error('return_to_foreign', 'A sign-in can return only to a path on our own origin.');
  return path;
}
