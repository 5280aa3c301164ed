import type { Client, DirectorySnapshot, PresentedCertificate } from '@countersign/contracts';
import type { Certificate, VerifiedClientAssertion } from '@countersign/oauth';
import type { ClientKeys } from '../client-keys/index.ts';
import type { Credentials } from './read-credentials.ts';

export interface AuthenticationRules {
  readonly clientKeys: ClientKeys;
  readonly issuer: string;
  /** What an assertion may name beside the issuer, where the specification of the endpoint demands that it is accepted. */
  readonly furtherAudiences?: readonly string[];
}

/** What is judged: the credentials of the request and the certificate of its connection. */
export interface Presented {
  readonly credentials: Credentials;
  readonly certificate: Certificate | undefined;
  readonly presented: PresentedCertificate | undefined;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface AuthenticatedClient {
  readonly client: Client;
  /** Not yet claimed. Absent where the client authenticated by its certificate. */
  readonly assertion?: VerifiedClientAssertion;
}
