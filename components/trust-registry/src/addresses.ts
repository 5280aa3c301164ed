import { isIP } from 'node:net';

export type AddressProblem = string;

interface AddressRules {
  readonly allowInsecureLoopback: boolean;
}

/** RFC 8414 section 2: an https URL without query and fragment, in one form, because it is compared as text. */
export function checkIssuer(text: string, rules: AddressRules): AddressProblem | undefined {
  const url = parseUrl(text);
  if (url === undefined) return 'The issuer must be an absolute URL.';
  if (text.includes('?')) return 'The issuer must have no query.';
  return checkAddress(text, url, rules);
}

/** At the issuer's origin: the same party answers there and signs. */
export function checkJwksUri(text: string, issuer: string, rules: AddressRules): AddressProblem | undefined {
  const url = parseUrl(text);
  const issuerUrl = parseUrl(issuer);
  if (url === undefined) return 'The key set must have an absolute URL.';
  if (issuerUrl !== undefined && url.origin !== issuerUrl.origin)
    return 'The key set must be served from the origin of the issuer.';
  return checkAddress(text, url, rules);
}

function checkAddress(text: string, url: URL, rules: AddressRules): AddressProblem | undefined {
  if (text.includes('#') || url.username !== '' || url.password !== '')
    return 'The URL must have no fragment and no user.';
  if (url.href !== text && url.href !== `${text}/`) return 'The URL must be written in its normal form.';
  // `localhost.` is `localhost`; a host has one spelling here.
  if (url.hostname.endsWith('.')) return 'The host must be written without a trailing point.';
  if (isLoopback(url.hostname))
    return rules.allowInsecureLoopback
      ? undefined
      : 'Addresses of this machine are for development, where the configuration allows them.';
  if (url.protocol !== 'https:') return 'The URL must be https.';
  // A name can be certified as the partner's; a bare address usually leads into our own network.
  if (isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0) return 'The host must be a name, not an IP address.';
  return undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function parseUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined;
}
