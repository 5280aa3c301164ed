import type { AuditAppender, RemoteContract, remoteCalls } from '@countersign/contracts';
import { type ProcessGroup, processGroups } from './groups.ts';
import { mayRecord } from './recorders.ts';

type Methods<Name extends RemoteContract> = readonly (keyof (typeof remoteCalls)[Name])[];

/** The methods that processes of one group may call, by contract. */
export type Callable = { readonly [Name in RemoteContract]?: Methods<Name> };

export const servedBy = {
  'audit-log': 'evidence',
  'record-pages': 'evidence',
  'retention-proposals': 'evidence',
  'core-keys': 'core',
  'evidence-keys': 'evidence',
  'egress-keys': 'egress',
  'certificate-authority-keys': 'certificate-authority',
  'authority-proposals': 'certificate-authority',
  'secret-proposals': 'secrets',
  'leases-departure': 'secrets',
  directory: 'core',
  'trust-registry': 'core',
  'consent-store': 'core',
  grants: 'core',
  'policy-engine': 'core',
  'transaction-registry': 'core',
  authentication: 'edge',
  authenticators: 'edge',
  statements: 'edge',
  postures: 'edge',
  'authorization-server': 'edge',
  access: 'edge',
  'authenticators-departure': 'edge',
  'devices-departure': 'edge',
  'recovery-departure': 'edge',
  'workloads-departure': 'certificate-authority',
  'enrolments-departure': 'certificate-authority',
  'certificates-departure': 'certificate-authority',
  'federation-gateway': 'egress',
  notices: 'egress',
  outbound: 'egress',
  'configured-requests': 'egress',
} as const satisfies Readonly<Record<RemoteContract, ProcessGroup>>;

/**
 * Which process may call which method. Every other call is refused, logged and recorded; `docs/processes.md` is generated from
 * this table. Each group has only the methods that its components need: for example, edge cannot grant a mandate, and only core
 * can revoke the rights of a person who leaves.
 */
export const callers = {
  edge: {
    'audit-log': ['append', 'standings', 'standingsUnder', 'find', 'search', 'query', 'newest'],
    directory: ['plan', 'edit', 'clientDocument', 'changesSince'],
    'trust-registry': ['profileOf'],
    'consent-store': ['check', 'find', 'list', 'withDescendants'],
    grants: ['give', 'deny', 'change', 'find', 'revoke', 'revokeAll', 'list'],
    'policy-engine': ['decide', 'declaredDetailTypes'],
    'transaction-registry': ['open', 'facts', 'stepsOf', 'waitingFor'],
    'federation-gateway': ['acceptAssertion'],
    notices: ['notify'],
    'core-keys': ['listKeys'],
    'evidence-keys': ['listKeys'],
    'egress-keys': ['listKeys'],
    'certificate-authority-keys': ['listKeys'],
    outbound: ['getJson', 'post', 'postForm'],
    'configured-requests': ['exchangeFor', 'getFor'],
  },
  core: {
    'audit-log': [
      ...['append', 'standings', 'standingsUnder', 'lastUnder', 'find', 'search', 'query', 'newest', 'scan', 'count'],
      // The schema of the table checks names of methods.
    ] as Methods<'audit-log'>,
    'record-pages': ['openPages', 'nextPage', 'closePages'],
    'retention-proposals': ['endProposalsOf'],
    authentication: ['current', 'begin', 'endAllOf'],
    authenticators: ['of', 'isLocked', 'invitersOf'],
    statements: ['ask', 'consume'],
    postures: ['posturesSince', 'posturesOf'],
    'authorization-server': ['revoke'],
    access: ['checkAccess'],
    'authenticators-departure': ['end'],
    'devices-departure': ['end'],
    'recovery-departure': ['end'],
    'workloads-departure': ['end'],
    'enrolments-departure': ['end'],
    'certificates-departure': ['end'],
    'authority-proposals': ['endProposalsOf'],
    'secret-proposals': ['endProposalsOf'],
    'leases-departure': ['end'],
  },
  evidence: {
    directory: ['changesSince'],
    authenticators: ['isLocked', 'invitersOf'],
    'transaction-registry': ['parties'],
    access: ['checkAccess'],
    'configured-requests': ['exchangeFor', 'getFor'],
  },
  egress: {
    'audit-log': ['append', 'standings', 'find', 'scan', 'newest', 'search'],
    directory: ['changesSince'],
    'trust-registry': ['profileOf'],
    'transaction-registry': ['parties', 'countsAgainstLimits'],
    access: ['checkAccess', 'checkLastingAccess', 'isTokenActive'],
  },
  'certificate-authority': {
    'audit-log': [
      ...['append', 'standings', 'standingsUnder', 'find', 'search', 'query', 'newest', 'count'],
      // The schema of the table checks names of methods.
    ] as Methods<'audit-log'>,
    directory: ['changesSince'],
    authenticators: ['isLocked', 'invitersOf'],
    'policy-engine': ['decide'],
    'configured-requests': ['exchangeFor', 'getFor'],
    access: ['checkAccess'],
  },
  secrets: {
    'audit-log': [
      ...['append', 'standings', 'standingsUnder', 'find', 'search', 'query', 'newest', 'scan'],
      // The schema of the table checks names of methods.
    ] as Methods<'audit-log'>,
    directory: ['changesSince'],
    authenticators: ['isLocked', 'invitersOf'],
    'consent-store': ['withDescendants'],
    'policy-engine': ['decide'],
    'transaction-registry': ['facts'],
    notices: ['notify'],
    access: ['checkAccess', 'checkLastingAccess'],
    'configured-requests': ['exchangeFor', 'getFor'],
  },
} as const satisfies Readonly<Record<ProcessGroup, Callable>>;

const callable: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  processGroups.map((group) => [
    group,
    new Set(
      Object.entries(callers[group]).flatMap(([contract, methods]: readonly [string, readonly string[]]) =>
        methods.map((name) => `${contract}/${name}`),
      ),
    ),
  ]),
);

/** Whether a process, identified by its certificate, may call a method. */
export function mayCall(process: string, contract: string, method: string): boolean {
  return callable.get(process)?.has(`${contract}/${method}`) === true;
}

/** Whether a process may send these arguments to a permitted method: a process may only append records with its own source. */
export function mayAsk(process: string, contract: string, method: string, values: readonly unknown[]): boolean {
  if (contract !== 'audit-log' || method !== 'append') return true;
  // The schema check has already passed.
  const [draft] = values as Parameters<AuditAppender['append']>;
  return mayRecord(process, draft);
}
