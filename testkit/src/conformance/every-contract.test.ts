import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RemoteContract } from '@countersign/contracts';
import { expect, it } from 'vitest';
import * as suites from './index.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const exported = new Map<string, unknown>(Object.entries(suites));

/** The tests that run a contract's suite. */
interface Held {
  readonly suite: keyof typeof suites;
  /** Runs the component in process and in another one. */
  readonly component: string;
  /** Doubles with the tests that run them, or the reason why there is none. */
  readonly doubles: Readonly<Record<string, string>> | string;
}

const component = (name: string) => `components/${name}/src/contracts.test.ts`;
const apps = 'apps/server/src/processes/contracts.test.ts';
const [kit, server, registry] = [
  'testkit/src/doubles.test.ts',
  'components/authorization-server/src/doubles.test.ts',
  'components/transaction-registry/src/doubles.test.ts',
];
const noDoubleNeeded =
  'Nobody needs one: what asks it is tested with the component, or with an answer that the test gives.';

const held: { readonly [Name in RemoteContract]: Held } = {
  'audit-log': {
    ...{ suite: 'describeAuditLog', component: 'components/audit-log/src/conformance.test.ts' },
    doubles: { 'the log in memory': kit },
  },
  'record-pages': {
    ...{ suite: 'describeRecordPages', component: 'components/audit-log/src/conformance.test.ts' },
    doubles: noDoubleNeeded,
  },
  directory: {
    ...{ suite: 'describeDirectoryCalls', component: component('directory') },
    doubles: { memoryClientDirectory: server },
  },
  'trust-registry': {
    ...{ suite: 'describeTrustRegistry', component: component('trust-registry') },
    doubles: noDoubleNeeded,
  },
  'consent-store': {
    ...{ suite: 'describeConsentStore', component: component('consent-store') },
    doubles: { memoryConsentStore: server },
  },
  grants: {
    ...{ suite: 'describeGrants', component: component('consent-store') },
    doubles: { memoryGrantRegister: server },
  },
  'policy-engine': {
    ...{ suite: 'describePolicyEngine', component: component('policy-engine') },
    doubles: { memoryPolicyEngine: server, createSmallPolicyEngine: registry },
  },
  'transaction-registry': {
    ...{ suite: 'describeTransactionRegistry', component: component('transaction-registry') },
    doubles: { memoryTransactionRegistry: server },
  },
  authentication: {
    ...{ suite: 'describeAuthentication', component: component('authentication') },
    doubles: { cookieSignIn: kit },
  },
  authenticators: {
    ...{ suite: 'describeAuthenticators', component: component('authentication') },
    doubles: { createPeopleKeys: kit, createSmallAuthenticators: registry },
  },
  statements: {
    ...{ suite: 'describeStatements', component: component('authentication') },
    doubles: { createPeopleKeys: kit, createSmallAuthenticators: registry },
  },
  postures: { suite: 'describePostureStream', component: component('devices'), doubles: noDoubleNeeded },
  'authorization-server': {
    ...{ suite: 'describeRevoking', component: component('authorization-server') },
    doubles: { liveRevocations: server },
  },
  access: { suite: 'describeAccess', component: apps, doubles: { createOpenGuard: apps } },
  'federation-gateway': {
    ...{ suite: 'describeFederation', component: component('federation-gateway') },
    doubles: { memoryFederation: server },
  },
  outbound: {
    ...{ suite: 'describeOutbound', component: component('federation-gateway') },
    doubles: { plainOutbound: kit },
  },
  'configured-requests': {
    ...{ suite: 'describeConfiguredRequests', component: component('federation-gateway') },
    doubles: noDoubleNeeded,
  },
  notices: {
    ...{ suite: 'describeNotices', component: component('notices') },
    doubles: { createMemoryNotices: kit },
  },
  'retention-proposals': { suite: 'describeProposals', component: component('retention'), doubles: noDoubleNeeded },
  'core-keys': { suite: 'describeCoreKeys', component: apps, doubles: noDoubleNeeded },
  'evidence-keys': { suite: 'describeEvidenceKeys', component: apps, doubles: noDoubleNeeded },
  'egress-keys': { suite: 'describeEgressKeys', component: apps, doubles: noDoubleNeeded },
  'certificate-authority-keys': {
    ...{ suite: 'describeCertificateAuthorityKeys', component: apps },
    doubles: noDoubleNeeded,
  },
  'authority-proposals': {
    ...{ suite: 'describeAuthorityProposals', component: component('certificate-authority') },
    doubles: noDoubleNeeded,
  },
  'workloads-departure': {
    ...{ suite: 'describeWorkloadsDeparture', component: component('workload-identity') },
    doubles: noDoubleNeeded,
  },
  'enrolments-departure': {
    ...{ suite: 'describeEnrolmentsDeparture', component: component('certificate-authority') },
    doubles: noDoubleNeeded,
  },
  'certificates-departure': {
    ...{ suite: 'describeCertificatesDeparture', component: component('certificate-authority') },
    doubles: noDoubleNeeded,
  },
  'secret-proposals': {
    ...{ suite: 'describeSecretProposals', component: component('secrets') },
    doubles: noDoubleNeeded,
  },
  'leases-departure': {
    ...{ suite: 'describeLeasesDeparture', component: component('secrets') },
    doubles: noDoubleNeeded,
  },
  'authenticators-departure': {
    ...{ suite: 'describeAuthenticatorsDeparture', component: component('authentication') },
    doubles: noDoubleNeeded,
  },
  'devices-departure': {
    ...{ suite: 'describeDevicesDeparture', component: component('devices') },
    doubles: noDoubleNeeded,
  },
  'recovery-departure': {
    ...{ suite: 'describeRecoveryDeparture', component: component('recovery') },
    doubles: noDoubleNeeded,
  },
};

/** In tests: scripted answers of a contract, without state of their own. */
const scripted: Readonly<Record<string, string>> = {
  'components/authorization-server/src/backchannel-authentication/testing/ciba-world.ts':
    'pings are kept; the sign-in is the component, of another class',
  'components/authorization-server/src/backchannel-authentication/signed-approvals.test.ts': 'says what waits',
  'components/authorization-server/src/testing/code-flow-world.ts': 'the sign-in is the component, of another class',
  'components/policy-engine/src/testing/limits-world.ts': 'says what became of an order',
  'components/federation-gateway/src/federation-gateway.test.ts': 'has the one profile of the test',
  'components/directory/src/departures/departures.test.ts': 'ends what the test says, or fails',
  'components/devices/src/posture/postures-replica.test.ts': 'changes what the component says',
  'components/authentication/src/sessions/backing.test.ts': 'is the log in memory, which is asked less',
  'components/audit-log/src/scanning/record-pages.test.ts': 'copies what the component says',
  'components/policy-engine/src/testing/past-decisions.ts':
    'gives past decisions by number: more than memory would hold',
  'components/policy-engine/src/versions/http.test.ts': 'nothing that is called from another process',
  'apps/cli/src/commands/policy/json.test.ts': 'nothing that is called from another process',
  'foundation/wire/src/serve.test.ts': 'is what a call does that fails',
};

/** The types by which test code implements a contract. */
const contractTypes = [
  ...['AuditLog', 'RecordPages', 'RemoteDirectory', 'TrustRegistry', 'ConsentStore', 'GrantRegister', 'PolicyEngine'],
  ...['TransactionRegistry', 'Authentication', 'AuthenticatorRegister', 'Statements', 'PostureStream', 'Access'],
  ...['AuthorizationServer', 'FederationGateway', 'Outbound', 'OutboundForm', 'ConfiguredRequests', 'Notices'],
  ...['ProposalEnder', 'KeyLister', 'DepartureEffect'],
].join('|');
const keeper = new RegExp(
  `(?:(?:const \\w+|\\)|function \\w+\\([^)]*\\)|source: \\w+\\)): (?:\\w+ & )?|^ +)(?:Pick<|Partial<)?(?:${contractTypes})\\b[^;=\\n[]*(?:= |=> \\()?\\{$`,
  'm',
);

function testCode(): readonly string[] {
  return ['components', 'apps', 'foundation', 'testkit', 'tests']
    .flatMap((room) =>
      readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((path) => `${room}/${path}`),
    )
    .filter(
      (path) =>
        /\/src\/.*\.ts$/.test(path) &&
        !/node_modules|\/dist\//.test(path) &&
        (/\.test\.ts$|\/testing\//.test(path) || path.startsWith('testkit/')),
    );
}

it.each(Object.entries<Held>(held))('%s passes its suite, in process and over mutual TLS', (name, each) => {
  expect(exported.get(each.suite)).toBeTypeOf('function');
  const text = read(each.component);
  if (name === 'audit-log')
    for (const run of ["describeAuditLog('the component on", "describeAuditLog('the component in another process'"])
      expect(text).toContain(run);
  else {
    expect(text).toContain(`describeComponent(${each.suite},`);
    // Every method has tests: the type of a suite requires them, and each run checks that they called it.
    expect(exported.get(each.suite)).toHaveProperty('contract', name);
  }
});

it.each(Object.entries<Held>(held))(
  'so does every double of %s, or there is a reason why there is none',
  (_name, each) => {
    if (typeof each.doubles === 'string') expect(each.doubles).toMatch(/\.$/);
    else
      for (const [double, test] of Object.entries(each.doubles))
        expect(read(test), double).toMatch(new RegExp(`${each.suite}\\(\\s*'${double}'`));
  },
);

it('there is no other double in the test code', () => {
  const known = new Set(Object.values<Held>(held).flatMap(({ doubles }) => Object.keys(doubles)));
  const found = testCode().filter((path) => {
    const text = read(path);
    return keeper.test(text) && ![...known].some((double) => new RegExp(`(?:function|const) ${double}\\b`).test(text));
  });
  expect(found.sort()).toEqual(Object.keys(scripted).sort());
});
