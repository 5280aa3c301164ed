import type { PublicKey, ResourceGuard, TransactionRegistry } from '@countersign/contracts';

/** What the routes are made of. */
export interface TransactionRegistryRoutes {
  readonly transactions: TransactionRegistry;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** Keys that verify envelopes: those of the purpose `envelope`. */
  readonly envelopeKeys: () => Promise<readonly PublicKey[]>;
}
