import { canonicalName } from '@countersign/oauth';
import { memberOf } from '../entities/index.ts';
import type { Entry, Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** A key, a certificate's name or an address of keys belongs to one principal and has one use. */
export function checkSharedCredentials(graph: Graph, problems: Problems): void {
  const seen = new Set<string>();
  for (const entry of graph.values()) {
    for (const { credential, steps, what } of credentialsOf(entry)) {
      if (seen.has(credential))
        problems
          .place(entry.path)
          .at(...steps)
          .report(
            'credential_shared',
            `${what} is registered elsewhere too: it belongs to one principal and has one use.`,
          );
      seen.add(credential);
    }
  }
}

export interface Written {
  readonly credential: string;
  readonly steps: readonly (string | number)[];
  readonly what: string;
}

export function credentialsOf({ entity }: Entry): readonly Written[] {
  if (entity.kind === 'person')
    return entity.value.credentials.map(({ kid }, index) => key(kid, ['credentials', index]));
  if (entity.kind !== 'client') return [];
  const written = entity.keys.map(({ thumbprint }, index) => key(thumbprint, ['jwks', 'keys', index]));
  const { authentication, jwksUri } = entity.value;
  if (jwksUri !== undefined)
    written.push({
      credential: `address ${canonicalAddress(jwksUri)}`,
      steps: ['jwks_uri'],
      what: 'This address of keys',
    });
  if (authentication.method === 'tls_client_auth') {
    const { name } = authentication;
    written.push({
      credential: `name ${canonicalName(name) ?? name.value}`,
      steps: [memberOf(name.kind)],
      what: 'This name of a certificate',
    });
  }
  return written;
}

function key(thumbprint: string, steps: Written['steps']): Written {
  return { credential: `key ${thumbprint}`, steps, what: 'This key' };
}

/** The same for all addresses that return the same document (RFC 3986 section 6). */
function canonicalAddress(text: string): string {
  const { protocol, host, pathname } = new URL(text);
  const path = pathname
    .replaceAll(/%[0-9A-Fa-f]{2}/g, (octet) => {
      const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(character) ? character : octet.toUpperCase();
    })
    .replaceAll(/\/{2,}/g, '/')
    .replace(/\/$/, '');
  // Decoding may have produced dot segments.
  const { pathname: resolved } = new URL(path, `${protocol}//${host}`);
  return `${protocol}//${unmapped(host.replace(/\.(?=$|:)/, ''))}${resolved}`;
}

/** The host of an IPv4-mapped IPv6 address. */
function unmapped(host: string): string {
  const [, high, low, port = ''] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\](:\d+)?$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return host;
  const octets = [high, low].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return `${octets.join('.')}${port}`;
}
