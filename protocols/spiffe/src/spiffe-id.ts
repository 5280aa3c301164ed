import { errorVocabulary } from '@countersign/kernel';

export const spiffeErrors = errorVocabulary({
  /** Not a SPIFFE ID, or not that of a workload. */
  spiffe_id_invalid: 'invalid',
  /** The form, key, audience or subject of a JWT-SVID is wrong, or it has expired. */
  jwt_svid_invalid: 'unauthenticated',
  /** The extension about the workload cannot be read. */
  workload_extension_malformed: 'invalid',
});

export interface SpiffeId {
  readonly trustDomain: string;
  /** Starts with a slash; empty for the trust domain itself. */
  readonly path: string;
}

const trustDomainPattern = /^[a-z0-9._-]{1,255}$/;
const segmentPattern = /^[A-Za-z0-9._-]+$/;

/**
 * Reads a SPIFFE ID (SPIFFE-ID sections 2 and 3): lower-case trust domain, no empty or relative segment.
 * @throws CodedError `spiffe_id_invalid`
 */
export function parseSpiffeId(text: string): SpiffeId {
  const refuse = (detail: string) => spiffeErrors.error('spiffe_id_invalid', detail);
  if (text.length > 2_048) throw refuse('A SPIFFE ID has at most 2048 octets.');
  if (!text.startsWith('spiffe://')) throw refuse('A SPIFFE ID starts with spiffe://.');
  const [trustDomain = '', ...segments] = text.slice('spiffe://'.length).split('/');
  if (!trustDomainPattern.test(trustDomain)) throw refuse('The trust domain of the SPIFFE ID is invalid.');
  if (segments.some((segment) => !segmentPattern.test(segment) || segment === '.' || segment === '..'))
    throw refuse('The path of the SPIFFE ID is invalid.');
  return { trustDomain, path: segments.map((segment) => `/${segment}`).join('') };
}

/** The SPIFFE ID of a principal: `agent:vwap-1` is `spiffe://<trust domain>/agent/vwap-1`. */
export const spiffeIdOf = (trustDomain: string, principal: string): string =>
  `spiffe://${trustDomain}/${principal.replace(':', '/')}`;

const principalPath = /^\/(agent|service)\/([a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)$/;

/** The principal that a SPIFFE ID of this product names; undefined for another path. */
export function principalOfSpiffeId({ path }: SpiffeId): string | undefined {
  const [, kind, name] = principalPath.exec(path) ?? [];
  return kind === undefined || name === undefined ? undefined : `${kind}:${name}`;
}
