import type { Client, ClientId, DirectorySnapshot } from '@countersign/contracts';
import { createGenerations } from '@countersign/kernel';
import { type Certificate, canonicalName, canonicalNamesOf } from '@countersign/oauth';
import type { CredentialHolderStore } from './credential-holder-store.ts';

export type ShownCredential =
  | { readonly keyThumbprint: string }
  | { readonly certificate: Certificate; readonly chainVerified: boolean };

/** Another client that the same credential would authenticate, which the registration of names or remote keys cannot detect. */
export type OtherHolder = (
  client: Client,
  shown: ShownCredential,
  directory: DirectorySnapshot,
) => Promise<string | undefined>;

export function createOtherHolder(holders: CredentialHolderStore): OtherHolder {
  const indexes = new WeakMap<DirectorySnapshot, ReadonlyMap<string, ReadonlySet<ClientId>>>();
  /** Each is looked up in the database once. */
  const known = createGenerations<string, string>(4_096);

  function indexOf(directory: DirectorySnapshot): ReadonlyMap<string, ReadonlySet<ClientId>> {
    const made = indexes.get(directory) ?? indexed(directory);
    indexes.set(directory, made);
    return made;
  }

  /** The first client to prove possession, while it is registered. */
  async function firstHolder(credential: string, { id }: Client, directory: DirectorySnapshot): Promise<string> {
    if (known.get(credential) === id) return id;
    const holder = await holders.claim(credential, id);
    const isGone = holder !== id && directory.client(holder) === undefined;
    if (isGone && !(await holders.takeOver(credential, holder, id))) return holders.claim(credential, id);
    return known.keep(credential, isGone ? id : holder);
  }

  return async (client, shown, directory) => {
    const index = indexOf(directory);
    for (const credential of credentialsOf(shown))
      for (const other of index.get(credential) ?? []) if (other !== client.id) return other;
    if ('keyThumbprint' in shown) {
      const principal = directory.keyHolder(shown.keyThumbprint);
      if (principal !== undefined && principal !== client.principal) return principal;
    }
    // The directory compares its own entries.
    if (client.jwksUri === undefined && client.authentication.method !== 'tls_client_auth') return undefined;
    for (const credential of lastingOf(shown)) {
      const holder = await firstHolder(credential, client, directory);
      if (holder !== client.id) return holder;
    }
    return undefined;
  };
}

function indexed(directory: DirectorySnapshot): ReadonlyMap<string, ReadonlySet<ClientId>> {
  const index = new Map<string, Set<ClientId>>();
  for (const client of directory.clients())
    for (const credential of registeredOf(client)) {
      const holders = index.get(credential) ?? new Set<ClientId>();
      index.set(credential, holders.add(client.id));
    }
  return index;
}

function registeredOf({ authentication, keys }: Client): readonly string[] {
  const name = authentication.method === 'tls_client_auth' ? canonicalName(authentication.name) : undefined;
  return [
    ...(name === undefined ? [] : [`name ${name}`]),
    ...keys.flatMap(({ thumbprint, certificateThumbprint }) => [
      `key ${thumbprint}`,
      ...(certificateThumbprint === undefined ? [] : [`certificate ${certificateThumbprint}`]),
    ]),
  ];
}

function credentialsOf(shown: ShownCredential): readonly string[] {
  // Without a trusted issuer, names prove nothing.
  const names = 'certificate' in shown && shown.chainVerified ? canonicalNamesOf(shown.certificate) : [];
  return [...lastingOf(shown), ...[...names].map((name) => `name ${name}`)];
}

function lastingOf(shown: ShownCredential): readonly string[] {
  if ('keyThumbprint' in shown) return [`key ${shown.keyThumbprint}`];
  const { keyThumbprint, thumbprint } = shown.certificate;
  return [...(keyThumbprint === undefined ? [] : [`key ${keyThumbprint}`]), `certificate ${thumbprint}`];
}
