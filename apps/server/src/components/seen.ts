import type {
  AuthenticatorRegister,
  AuthorizationServer,
  ConfiguredDocuments,
  ConfiguredExchange,
  Devices,
  Directory,
  FederationGateway,
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

/** What components see of each other, whether it is in the same process or behind a call to another. */
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
  /** Requests to addresses that partners and clients chose. */
  readonly outbound: Outbound & OutboundForm;
  /** Requests to configured addresses that these authorities vouch for, PEM; the system's when undefined. */
  exchangeWith(authorities: string | undefined): ConfiguredExchange & ConfiguredDocuments;
  /** Lets in who may use one of our own interfaces. */
  guard(name: OwnInterface): LastingGuard;
}
