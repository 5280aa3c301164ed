import type { AuditLog } from '../audit-log.ts';
import type { Authentication } from '../authentication.ts';
import type { AuthenticatorRegister, Statements } from '../authenticators.ts';
import type { Access, AuthorizationServer } from '../authorization-server.ts';
import type { ConsentStore } from '../consent-store.ts';
import type { DepartureEffect } from '../departures.ts';
import type { PostureStream } from '../devices.ts';
import type { Directory, DirectoryChange } from '../directory.ts';
import type { FederationGateway } from '../federation-gateway.ts';
import type { GrantRegister } from '../grants.ts';
import type { Notices } from '../notices.ts';
import type { ConfiguredRequests, Outbound, OutboundForm } from '../outbound.ts';
import type { PolicyEngine } from '../policy-engine.ts';
import type { ProposalEnder } from '../proposers.ts';
import type { RecordPages } from '../record-stream.ts';
import type { KeyLister } from '../signer.ts';
import type { TransactionRegistry } from '../transaction-registry.ts';
import type { TrustRegistry } from '../trust-registry.ts';

/**
 * How a method is called from another process. A query changes nothing and can be repeated. A command may have been carried out
 * although its response was lost; the caller recovers as after a crash, by repeating it.
 */
export interface Call {
  readonly kind: 'command' | 'query';
  /** Timeout of the caller; 5,000 when left out. */
  readonly timeoutMs?: number;
  /** An idempotent command, which may be repeated like any query. The caller repeats it once when no response arrives. */
  readonly repeatable?: true;
  /** A frequent call: concurrent calls are sent in one request. Each gets its own response as soon as it is ready. */
  readonly gathered?: true;
}

export interface RemoteContracts {
  readonly 'audit-log': AuditLog;
  readonly 'record-pages': RecordPages;
  readonly directory: RemoteDirectory;
  readonly 'trust-registry': TrustRegistry;
  readonly 'consent-store': ConsentStore;
  readonly grants: GrantRegister;
  readonly 'policy-engine': PolicyEngine;
  readonly 'transaction-registry': TransactionRegistry;
  readonly authentication: Authentication;
  readonly authenticators: AuthenticatorRegister;
  readonly statements: Statements;
  readonly postures: PostureStream;
  readonly 'authorization-server': AuthorizationServer;
  readonly access: Access;
  readonly 'federation-gateway': FederationGateway;
  readonly outbound: Outbound & OutboundForm;
  readonly 'configured-requests': ConfiguredRequests;
  readonly notices: Notices;
  readonly 'retention-proposals': ProposalEnder;
  readonly 'core-keys': KeyLister;
  readonly 'evidence-keys': KeyLister;
  readonly 'egress-keys': KeyLister;
  readonly 'certificate-authority-keys': KeyLister;
  readonly 'authority-proposals': ProposalEnder;
  readonly 'authenticators-departure': DepartureEffect;
  readonly 'devices-departure': DepartureEffect;
  readonly 'recovery-departure': DepartureEffect;
  readonly 'workloads-departure': DepartureEffect;
  readonly 'enrolments-departure': DepartureEffect;
  readonly 'certificates-departure': DepartureEffect;
  readonly 'secret-proposals': ProposalEnder;
  readonly 'leases-departure': DepartureEffect;
}
export type RemoteContract = keyof RemoteContracts;

/** The directory without progress callbacks, because functions cannot be sent to another process. */
export interface RemoteDirectory extends Pick<Directory, 'edit' | 'clientDocument' | 'changesSince'> {
  plan(
    file: unknown,
    options?: { readonly prune?: boolean; readonly values?: boolean },
  ): Promise<readonly DirectoryChange[]>;
}

/** Methods that can be called from another process: asynchronous, without functions as arguments. */
export type CallableName<Contract> = {
  [Name in keyof Contract]: Contract[Name] extends (...args: infer Args) => Promise<infer Answer>
    ? HasFunction<Args> extends false
      ? HasFunction<Answer> extends false
        ? Name
        : never
      : never
    : never;
}[keyof Contract] &
  string;

type HasFunction<Value> = Value extends (...args: never[]) => unknown ? true : false;

type CallTable = {
  readonly [Name in RemoteContract]: Readonly<Partial<Record<CallableName<RemoteContracts[Name]>, Call>>>;
};

const query: Call = { kind: 'query' };
const command: Call = { kind: 'command' };
const repeatable: Call = { kind: 'command', repeatable: true };
/** Asked every half second for a copy that may be five seconds old: after a lost answer there is time for another question. */
const polled: Call = { kind: 'query', timeoutMs: 1_500 };
/** A query that may read many rows. */
const longQuery: Call = { kind: 'query', timeoutMs: 30_000 };

/** A command that waits for an external system. */
const outside: Call = { kind: 'command', timeoutMs: 30_000 };

/** Every method that other processes may call. Methods that are not listed cannot be called. */
export const remoteCalls = {
  'audit-log': {
    append: { ...repeatable, gathered: true },
    standings: { ...query, gathered: true },
    standingsUnder: query,
    lastUnder: query,
    find: query,
    search: query,
    query: longQuery,
    newest: query,
    scan: longQuery,
    count: longQuery,
  },
  'record-pages': {
    openPages: command,
    nextPage: { kind: 'command', timeoutMs: 30_000 },
    closePages: command,
  },
  directory: { plan: longQuery, edit: command, clientDocument: query, changesSince: longQuery },
  'trust-registry': { profileOf: query },
  'consent-store': { check: query, find: query, list: query, withDescendants: query },
  grants: {
    give: command,
    deny: command,
    change: command,
    find: query,
    revoke: command,
    revokeAll: command,
    list: query,
  },
  'policy-engine': { decide: { ...query, gathered: true }, declaredDetailTypes: polled },
  'transaction-registry': {
    open: command,
    facts: query,
    stepsOf: query,
    waitingFor: query,
    parties: query,
    countsAgainstLimits: query,
  },
  authentication: { current: query, begin: command, endAllOf: repeatable },
  authenticators: { of: query, isLocked: query, invitersOf: query },
  statements: { ask: command, consume: command },
  postures: { posturesSince: query, posturesOf: query },
  'authorization-server': { revoke: repeatable },
  access: { checkAccess: { ...command, gathered: true }, checkLastingAccess: command, isTokenActive: query },
  'federation-gateway': { acceptAssertion: outside },
  outbound: { getJson: outside, post: outside, postForm: outside },
  'configured-requests': { exchangeFor: outside, getFor: outside },
  notices: { notify: repeatable },
  'retention-proposals': { endProposalsOf: repeatable },
  'core-keys': { listKeys: query },
  'evidence-keys': { listKeys: query },
  'egress-keys': { listKeys: query },
  'certificate-authority-keys': { listKeys: query },
  'authority-proposals': { endProposalsOf: repeatable },
  'authenticators-departure': { end: repeatable },
  'devices-departure': { end: repeatable },
  'recovery-departure': { end: repeatable },
  'workloads-departure': { end: repeatable },
  'enrolments-departure': { end: repeatable },
  'certificates-departure': { end: repeatable },
  'secret-proposals': { endProposalsOf: repeatable },
  'leases-departure': { end: repeatable },
} as const satisfies CallTable;

/** The part of a contract that is available in other processes. */
export type Remote<Name extends RemoteContract> = Pick<
  RemoteContracts[Name],
  keyof (typeof remoteCalls)[Name] & keyof RemoteContracts[Name]
>;
