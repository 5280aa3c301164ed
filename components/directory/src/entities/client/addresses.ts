import type { Client } from '@countersign/contracts';
import type { Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

/**
 * Absolute https URLs in canonical form, because they are compared as text (RFC 9700 section 2.1). Any client may
 * receive a code on loopback, by IP address (RFC 8252 sections 7.3 and 8.3); a sandbox client may use plain http
 * there.
 */
export function checkAddresses(document: ClientDocument, place: Place): void {
  const environment = document.environment ?? 'sandbox';
  for (const list of ['redirect_uris', 'post_logout_redirect_uris'] as const)
    for (const [index, text] of (document[list] ?? []).entries())
      if (list !== 'redirect_uris' || !isNativeRedirect(text)) check(text, place.at(list, index), environment);
  for (const single of ['jwks_uri', 'backchannel_logout_uri', 'backchannel_client_notification_endpoint'] as const) {
    const text = document[single];
    if (text !== undefined) check(text, place.at(single), environment);
  }
  if (document.grant_types.includes('authorization_code') && (document.redirect_uris ?? []).length === 0)
    place
      .at('redirect_uris')
      .report('client_metadata_invalid', 'The grant authorization_code needs a redirect URI: the code is sent there.');
}

function check(text: string, place: Place, environment: Client['environment']): void {
  const problem = problemWith(text, environment);
  if (problem !== undefined) place.report('client_metadata_invalid', problem);
}

function problemWith(text: string, environment: Client['environment']): string | undefined {
  // URL parsers repair malformed input such as `https:\\a` or `https:a`; compared as text, it would be a different address.
  const authority = /^(?:https?):\/\/([^/?#\\]+)/i.exec(text)?.[1];
  if (authority === undefined || text.includes('\\') || !URL.canParse(text))
    return 'An address is an absolute URL: https://client.example/callback.';
  if (text.includes('#')) return 'An address has no fragment.';
  if (text.includes('*')) return 'An address must not contain a wildcard. Register each address separately.';
  if (authority.includes('@')) return 'An address must not contain a user or password.';
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:') return undefined;
  if (!isLoopback(hostname)) return 'An address is https.';
  return environment === 'sandbox' ? undefined : 'Plain http on loopback is permitted for sandbox clients only.';
}

/** The host exactly as a browser writes it, so that no other host looks the same. */
function isNativeRedirect(text: string): boolean {
  return /^http:\/\/127\.0\.0\.1:[1-9]\d{1,4}\/[\w/-]*$/.test(text) && URL.canParse(text);
}

function isLoopback(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost';
}
