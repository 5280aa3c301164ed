import { memberOf } from '../entities/client/authentication.ts';
import type { Entry, Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';

/**
 * What somebody is recognised by is written down once: a key, a certificate's name, an address of keys. Whoever
 * is recognised by it is one principal, with one use for it. A certificate is covered by its key.
 */
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

interface Written {
  /** One text for one credential, whatever its kind. */
  readonly credential: string;
  readonly steps: readonly (string | number)[];
  readonly what: string;
}

function credentialsOf({ entity }: Entry): readonly Written[] {
  if (entity.kind === 'person')
    return entity.value.credentials.map(({ kid }, index) => key(kid, ['credentials', index]));
  if (entity.kind !== 'client') return [];
  const written = entity.keys.map(({ thumbprint }, index) => key(thumbprint, ['jwks', 'keys', index]));
  const { authentication, jwksUri } = entity.value;
  if (jwksUri !== undefined)
    written.push({ credential: `address ${jwksUri}`, steps: ['jwks_uri'], what: 'This address of keys' });
  if (authentication.method === 'tls_client_auth') {
    const { kind, value } = authentication.name;
    written.push({
      // Names are compared without regard to case, and a distinguished name also to the spaces between its parts.
      credential: `name ${kind} ${value.toLowerCase().replaceAll(/ *([,+=]) */g, '$1')}`,
      steps: [memberOf(kind)],
      what: 'This name of a certificate',
    });
  }
  return written;
}

function key(thumbprint: string, steps: Written['steps']): Written {
  return { credential: `key ${thumbprint}`, steps, what: 'This key' };
}
