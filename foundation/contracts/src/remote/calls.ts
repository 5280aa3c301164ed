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
 * How a method is called from another process: a query changes nothing and may be asked again; a command may have been carried out
 * although nobody heard of it, and its caller finds out as after a crash: by repeating it.
 */
export interface Call {
  readonly kind: 'command' | 'query';
  /** Until the caller gives up; 5,000 when left out. */
  readonly timeoutMs?: number;
  /** A command that its contract lets be repeated, as every query may: who hears nothing asks once more. */
  readonly repeatable?: true;
  /** Asked so often, by so many at once, that several go in one request: each is answered by itself, when its answer is there. */
  readonly gathered?: true;
}

/** What other processes see of each component. */
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
  readonly 'authenticators-departure': DepartureEffect;
  readonly 'devices-departure': DepartureEffect;
  readonly 'recovery-departure': DepartureEffect;
}
export type RemoteContract = keyof RemoteContracts;

/** The directory without reports of progress: a function cannot be passed on. */
export interface RemoteDirectory extends Pick<Directory, 'edit' | 'clientDocument' | 'changesSince'> {
  plan(
    file: unknown,
    options?: { readonly prune?: boolean; readonly values?: boolean },
  ): Promise<readonly DirectoryChange[]>;
}

/** Methods that can be called from another process: asynchronous, and nothing that is passed is a function. */
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
/** Reads what may be long. */
const longQuery: Call = { kind: 'query', timeoutMs: 30_000 };

/** Waits for somebody outside. */
const outside: Call = { kind: 'command', timeoutMs: 30_000 };

/** Every method that is called from another process. What is not listed cannot be. */
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
  'policy-engine': { decide: { ...query, gathered: true }, declaredDetailTypes: query },
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
  statements: { ask: command, take: command },
  postures: { posturesSince: query, posturesOf: query },
  'authorization-server': { revoke: repeatable },
  access: { checkAccess: { ...command, gathered: true }, checkLastingAccess: command, tokenStands: query },
  'federation-gateway': { acceptAssertion: outside },
  outbound: { getJson: outside, post: outside, postForm: outside },
  'configured-requests': { exchangeFor: outside, getFor: outside },
  notices: { tell: repeatable },
  'retention-proposals': { endProposalsOf: repeatable },
  'core-keys': { listKeys: query },
  'evidence-keys': { listKeys: query },
  'egress-keys': { listKeys: query },
  'authenticators-departure': { end: repeatable },
  'devices-departure': { end: repeatable },
  'recovery-departure': { end: repeatable },
} as const satisfies CallTable;

/** The part of a contract that another process has. */
export type Remote<Name extends RemoteContract> = Pick<
  RemoteContracts[Name],
  keyof (typeof remoteCalls)[Name] & keyof RemoteContracts[Name]
>;
