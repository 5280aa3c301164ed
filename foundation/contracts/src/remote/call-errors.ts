import type { CodedError, ErrorCategory } from '@countersign/kernel';
import { accessTokenErrors, actChainErrors, certificateErrors, keyErrors } from '@countersign/oauth';
import { auditLogErrors } from '../audit-log.ts';
import { authenticationErrors } from '../authentication.ts';
import { authenticatorErrors } from '../authenticators.ts';
import { accessErrors } from '../authorization-server.ts';
import { certificateAuthorityErrors } from '../certificate-authority.ts';
import { consentErrors } from '../consent-store.ts';
import { deviceErrors } from '../devices.ts';
import { directoryErrors } from '../directory.ts';
import { federationErrors } from '../federation-gateway.ts';
import { grantErrors } from '../grants.ts';
import { outboundErrors } from '../outbound.ts';
import { policyErrors } from '../policy-engine.ts';
import { recoveryErrors } from '../recovery.ts';
import { retentionErrors } from '../retention.ts';
import { secretsErrors } from '../secrets.ts';
import { signerErrors } from '../signer.ts';
import { revocationErrors } from '../standing-revocations.ts';
import { transactionErrors } from '../transaction-registry.ts';
import { workloadErrors } from '../workload-identity.ts';
import type { RemoteContract, remoteCalls } from './calls.ts';

export type CallErrors = Readonly<Record<string, ErrorCategory>>;

type ErrorTable = {
  readonly [Name in RemoteContract]: { readonly [Method in keyof (typeof remoteCalls)[Name]]: CallErrors };
};

/** For calls that answer every caller and fail only when the component is unavailable. */
const none: CallErrors = {};
/** For calls that write a record drafted by their caller. */
const recording: CallErrors = {
  record_too_large: auditLogErrors.codes.record_too_large,
  record_identity_taken: auditLogErrors.codes.record_identity_taken,
  not_canonicalizable: 'invalid',
};
const querying: CallErrors = {
  query_malformed: auditLogErrors.codes.query_malformed,
  query_too_wide: auditLogErrors.codes.query_too_wide,
};
const directory: CallErrors = { ...directoryErrors.codes, ...recording };
const grants: CallErrors = { ...grantErrors.codes, ...recording };
const statements: CallErrors = {
  ...authenticatorErrors.codes,
  ...authenticationErrors.codes,
  ...deviceErrors.codes,
  ...recording,
};
const access: CallErrors = {
  ...accessErrors.codes,
  ...accessTokenErrors.codes,
  ...actChainErrors.codes,
  ...certificateErrors.codes,
  ...keyErrors.codes,
  ...recording,
};

/**
 * The codes with which each call may be refused. Any call may also be refused as `unavailable`, by any process on the way that
 * does not respond; nothing was released then. A refusal with any other code is a defect of the component or process that sent
 * it.
 */
export const callErrors: ErrorTable = {
  'audit-log': {
    append: recording,
    standings: none,
    standingsUnder: none,
    lastUnder: none,
    find: none,
    search: none,
    query: querying,
    newest: none,
    scan: none,
    count: none,
  },
  'record-pages': { openPages: none, nextPage: none, closePages: none },
  directory: { plan: directory, edit: directory, clientDocument: none, changesSince: none },
  'trust-registry': { profileOf: none },
  'consent-store': { check: none, find: none, list: none, withDescendants: none },
  grants: {
    give: grants,
    deny: grants,
    change: grants,
    find: none,
    revoke: grants,
    revokeAll: recording,
    list: none,
  },
  'policy-engine': { decide: policyErrors.codes, declaredDetailTypes: none },
  'transaction-registry': {
    open: { ...transactionErrors.codes, ...consentErrors.codes, ...recording },
    facts: none,
    stepsOf: none,
    waitingFor: none,
    parties: none,
    countsAgainstLimits: none,
  },
  authentication: {
    current: none,
    begin: { ...authenticationErrors.codes, ...deviceErrors.codes, ...recording },
    endAllOf: { ...authenticationErrors.codes, ...recording },
  },
  authenticators: { of: none, isLocked: none, invitersOf: none },
  statements: { ask: statements, consume: statements },
  postures: { posturesSince: none, posturesOf: none },
  'authorization-server': { revoke: { ...revocationErrors.codes, ...grants } },
  access: { checkAccess: access, checkLastingAccess: access, isTokenActive: none },
  'federation-gateway': {
    acceptAssertion: { ...federationErrors.codes, ...outboundErrors.codes, ...keyErrors.codes, ...recording },
  },
  outbound: { getJson: outboundErrors.codes, post: outboundErrors.codes, postForm: outboundErrors.codes },
  'configured-requests': { exchangeFor: outboundErrors.codes, getFor: outboundErrors.codes },
  notices: { notify: none },
  'retention-proposals': { endProposalsOf: { ...retentionErrors.codes, ...recording } },
  'core-keys': { listKeys: signerErrors.codes },
  'evidence-keys': { listKeys: signerErrors.codes },
  'egress-keys': { listKeys: signerErrors.codes },
  'certificate-authority-keys': { listKeys: signerErrors.codes },
  'authority-proposals': {
    endProposalsOf: { ...certificateAuthorityErrors.codes, ...workloadErrors.codes, ...recording },
  },
  'authenticators-departure': { end: { ...authenticatorErrors.codes, ...recording } },
  'devices-departure': { end: { ...deviceErrors.codes, ...recording } },
  'recovery-departure': { end: { ...recoveryErrors.codes, ...recording } },
  'workloads-departure': { end: { ...workloadErrors.codes, ...recording } },
  'enrolments-departure': { end: { ...certificateAuthorityErrors.codes, ...recording } },
  'certificates-departure': { end: { ...certificateAuthorityErrors.codes, ...recording } },
  'secret-proposals': { endProposalsOf: { ...secretsErrors.codes, ...recording } },
  'leases-departure': { end: { ...secretsErrors.codes, ...recording } },
};

export function declaresRefusal(
  contract: RemoteContract,
  method: string,
  { code, category }: Pick<CodedError, 'code' | 'category'>,
): boolean {
  const ofContract: Readonly<Record<string, CallErrors>> = callErrors[contract];
  const codes = Object.hasOwn(ofContract, method) ? ofContract[method] : undefined;
  if (codes === undefined) return false;
  return category === 'unavailable' || (Object.hasOwn(codes, code) && codes[code] === category);
}
