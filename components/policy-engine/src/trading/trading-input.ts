import type {
  AuditLog,
  ConsentStore,
  DecisionInput,
  DecisionReason,
  Directory,
  DirectorySnapshot,
  Limits,
  TransactionRegistry,
} from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Posed, Uid } from '../decision/posed.ts';

/** A question of trading. `unknown`: a thing of which nobody knows, or that the asker may not know of. */
export type TradingInput = Omit<DecisionInput, 'resource' | 'atLeast'> & {
  readonly resource: DecisionInput['resource'] | { readonly type: 'unknown'; readonly uid: Uid };
  /** Why it is a no whatever the policies say. */
  readonly refusal?: DecisionReason;
};

/** What requests of enforcement points are answered from. */
export interface OutsideDependencies {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  /** The records of the issue of tokens, and what is revoked. */
  readonly audit: Pick<AuditLog, 'find' | 'standings' | 'standingsUnder'>;
  /** Facts of a transaction, from the registry; an enforcement point's word about one is never taken. */
  readonly transactions: Pick<TransactionRegistry, 'facts' | 'parties'>;
  readonly limits: Pick<Limits, 'read'>;
  /** LEI of the institution that runs the installation: it may ask about everything in it. */
  readonly operator: string | undefined;
  readonly clock: Clock;
  readonly pose: (input: TradingInput, bundle: LoadedBundle, directory?: DirectorySnapshot) => Posed;
}
