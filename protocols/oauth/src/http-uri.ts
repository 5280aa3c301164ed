/**
 * Scheme, authority and path, normalised by RFC 3986 sections 6.2.2 and 6.2.3. @returns undefined unless it is an
 * http(s) URI without user information
 */
export function normalizeHttpUri(uri: string): string | undefined {
  if (uri.length > 2_048 || !URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    return undefined;
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, normalizeEncoding);
  return `${url.protocol}//${url.host}${path}`;
}

/** RFC 3986 section 2.3. */
function normalizeEncoding(encoding: string): string {
  const character = String.fromCharCode(Number.parseInt(encoding.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : encoding.toUpperCase();
}
