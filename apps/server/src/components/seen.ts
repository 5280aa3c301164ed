import type {
  AuthenticatorRegister,
  AuthorizationServer,
  ConfiguredDocuments,
  ConfiguredExchange,
  Devices,
  Directory,
  FederationGateway,
  KeyLister,
  LastingGuard,
  Notices,
  Outbound,
  OutboundForm,
  PersonSignals,
  PolicyEngine,
  RecordStreamer,
  Remote,
  Statements,
} from '@countersign/contracts';
import type { OwnInterface } from '../configuration/index.ts';

/** The contracts through which components use each other, in the same process or by remote calls. */
export interface Seen {
  readonly auditLog: Remote<'audit-log'> & RecordStreamer;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast' | 'plan' | 'edit' | 'clientDocument'>;
  readonly trustRegistry: Remote<'trust-registry'>;
  readonly consentStore: Remote<'consent-store'> & { readonly grants: Remote<'grants'> };
  readonly policyEngine: Remote<'policy-engine'> & Pick<PolicyEngine, 'detailTypes'>;
  readonly transactions: Remote<'transaction-registry'>;
  readonly devices: Pick<Devices, 'postureOf'>;
  readonly signals: Pick<PersonSignals, 'of'>;
  readonly authentication: Remote<'authentication'>;
  readonly authenticators: Pick<AuthenticatorRegister, 'of' | 'isLocked' | 'invitersOf'>;
  readonly statements: Statements;
  readonly tokens: Pick<AuthorizationServer, 'revoke'>;
  readonly federationGateway: FederationGateway;
  readonly notices: Notices;
  /** Keys of the process that issues JWT-SVIDs. */
  readonly workloadKeys: KeyLister;
  /** Requests to addresses that partners and clients supply. */
  readonly outbound: Outbound & OutboundForm;
  /**
   * Requests to configured addresses with certificates of these authorities (PEM), or of the system's authorities when
   * undefined.
   */
  exchangeWith(authorities: string | undefined): ConfiguredExchange & ConfiguredDocuments;
  /** Authorises callers of one of the product's own interfaces. */
  guard(name: OwnInterface): LastingGuard;
}
