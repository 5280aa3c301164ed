export { type AccessUnderTest, describeAccess, describeRevoking, type RevokingUnderTest } from './access.ts';
export { type ConformingLog, describeAuditLog, type LogUnderTest } from './audit-log.ts';
export { type AuthenticationUnderTest, describeAuthentication } from './authentication.ts';
export {
  type AuthenticatorsUnderTest,
  describeAuthenticators,
  describeStatements,
  type StatementsUnderTest,
} from './authenticators.ts';
export { type ConsentStoreUnderTest, describeConsentStore } from './consent-store.ts';
export {
  type DepartureUnderTest,
  describeAuthenticatorsDeparture,
  describeCertificatesDeparture,
  describeDevicesDeparture,
  describeEnrolmentsDeparture,
  describeLeasesDeparture,
  describeRecoveryDeparture,
  describeWorkloadsDeparture,
} from './departures.ts';
export { type DetailTypesUnderTest, describeDetailTypes } from './detail-types.ts';
export { allOf, type DirectoryUnderTest, describeDirectoryReading } from './directory.ts';
export { describeGrants, type GrantsUnderTest } from './grants.ts';
export {
  describeCertificateAuthorityKeys,
  describeCoreKeys,
  describeEgressKeys,
  describeEvidenceKeys,
  type KeysUnderTest,
} from './keys.ts';
export { describeNotices, type NoticesUnderTest } from './notices.ts';
export { describeConfiguredRequests, describeOutbound } from './outbound.ts';
export { describePersonSignals, type PersonSignalsUnderTest } from './person-signals.ts';
export { describePolicyEngine, type PolicyEngineUnderTest } from './policy-engine.ts';
export { describePostures, type PosturesUnderTest } from './postures.ts';
export {
  describeAuthorityProposals,
  describeProposals,
  describeSecretProposals,
  type ProposalsUnderTest,
} from './proposals.ts';
export { describeSigner, type SignerUnderTest } from './signer.ts';
export { describeSingleUse, type SingleUseUnderTest } from './single-use.ts';
export {
  type DirectoryCallsUnderTest,
  describeDirectoryCalls,
  describePostureStream,
  describeRecordPages,
  type PostureStreamUnderTest,
  type RecordPagesUnderTest,
} from './streams.ts';
export { describeComponent, describeUnfitCalls, overMutualTls, type Suite, type UnderTest } from './suite.ts';
export { describeTransactionRegistry, type TransactionRegistryUnderTest } from './transaction-registry.ts';
export {
  describeFederation,
  describeTrustRegistry,
  type FederationUnderTest,
  type TrustRegistryUnderTest,
} from './trust.ts';
