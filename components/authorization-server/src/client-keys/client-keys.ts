import type { AuditAppender, Client, Outbound } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { RegisteredKey } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import type { CredentialHolderStore } from './credential-holder-store.ts';
import { createFetchedKeys } from './fetched-keys.ts';
import { createKeyAge, type KeyAgePolicy } from './key-age.ts';
import { createRegisteredKeys } from './registered-keys.ts';
import { createOtherHolder, type OtherHolder } from './sole-holder.ts';

/** The keys and certificates by which clients are recognised: registered in the directory, or fetched from where it says. */
export interface ClientKeys {
  /** What is held now and may still be used; undefined where keys are fetched and none are held. */
  held(client: Client, now: number): readonly RegisteredKey[] | undefined;
  /** Whether a certificate is one of the client's own, by its thumbprint (`x5t#S256`). */
  holdsCertificate(client: Client, thumbprint: string, now: number): boolean;
  /**
   * Fetches the key set of a client anew, where that is due; afterwards {@link held} and {@link holdsCertificate}
   * answer from the newest there is. Never throws: what cannot be fetched is not held.
   */
  fetch(client: Client, now: number): Promise<void>;
  /** @throws CodedError `invalid_client` (`client_key_expired`) for a registered key that is too old */
  checkAge(client: Client, thumbprint: string, now: number): void;
  /** @throws as {@link checkAge}, for a registered certificate */
  checkCertificateAge(client: Client, thumbprint: string, now: number): void;
  /** Whom the same key or certificate would authenticate too. */
  readonly otherHolder: OtherHolder;
}

export interface ClientKeysDependencies {
  readonly outbound: Pick<Outbound, 'getJson'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyAge: KeyAgePolicy;
  readonly holders: CredentialHolderStore;
}

export function createClientKeys(dependencies: ClientKeysDependencies): ClientKeys {
  const registered = createRegisteredKeys(dependencies.logger);
  const fetched = createFetchedKeys(dependencies);
  const age = createKeyAge(dependencies.keyAge, dependencies);

  return {
    otherHolder: createOtherHolder(dependencies.holders),
    held: (client, now) => (client.jwksUri === undefined ? registered(client).keys : fetched.held(client, now)?.keys),
    holdsCertificate: (client, thumbprint, now) =>
      client.jwksUri === undefined
        ? registered(client).certificates.has(thumbprint)
        : fetched.held(client, now)?.certificates.has(thumbprint) === true,
    fetch: (client, now) => fetched.refresh(client, now),
    checkAge(client, thumbprint, now) {
      if (client.jwksUri !== undefined) return;
      const { oldest, registeredAt } = registered(client);
      // Of nearly every client no key is near its end: one comparison says so.
      if (age.youngEnough(oldest, now)) return;
      age.check(client, { thumbprint, registeredAt: registeredAt.get(thumbprint) ?? oldest }, now);
    },
    checkCertificateAge(client, thumbprint, now) {
      if (client.jwksUri !== undefined) return;
      const { oldest, certificates } = registered(client);
      age.check(client, { thumbprint, registeredAt: certificates.get(thumbprint) ?? oldest }, now);
    },
  };
}
