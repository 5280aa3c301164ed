// Who may import whom (docs/architecture.md). `npm run check` fails on any import these rules forbid, and
// tests/src/boundaries.test.ts shows that a forbidden import does fail.
const notProduct = '\\.test\\.ts$|\\.fixture\\.|/testing/';
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: notProduct },
  to: {
    path: '^(foundation|protocols|components|apps|sdk|examples|testkit|tests|benchmarks)/',
    pathNot: [from, ...allowed],
  },
});

const kernel = '^foundation/kernel/';
const contracts = '^foundation/contracts/';
const runtime = '^foundation/runtime/';
const embeddedPostgres = '^foundation/embedded-postgres/';
const commands = '^foundation/commands/';
const wire = '^foundation/wire/';
const protocols = '^protocols/';

/**
 * Which protocol may import which, beside the kernel. A format that is published by itself imports nothing; what
 * combines formats names them, and `evidence`, which verifies all of them, is imported by no protocol.
 */
const importsOfProtocols = {
  cedar: [],
  'merkle-log': [],
  market: [],
  x509: [],
  // Authorization details and scopes of tokens; certificates of clients (RFC 8705).
  oauth: ['market', 'x509'],
  // JWT-SVIDs are JWS; X.509-SVIDs are certificates.
  spiffe: ['oauth', 'x509'],
  // Keys and JWS; attestation certificates.
  webauthn: ['oauth', 'x509'],
  // An envelope is a JWS.
  envelope: ['oauth'],
  // Keys of accounts.
  acme: ['oauth'],
  // A bundle holds records of all of these.
  evidence: ['market', 'merkle-log', 'oauth', 'webauthn', 'x509'],
};

/** Folders of the server and the folders beside them that each may import: no folder imports one that is listed after it. */
const serverFolders = {
  'process-groups': [],
  configuration: ['process-groups'],
  keys: ['process-groups', 'configuration'],
  database: ['process-groups', 'configuration'],
  components: ['process-groups', 'configuration', 'keys', 'database'],
  interfaces: ['configuration', 'keys', 'components'],
  openapi: ['configuration', 'interfaces'],
  listening: ['configuration'],
  'front-page': ['configuration'],
  'try-out': ['configuration'],
  provisioning: ['process-groups', 'configuration', 'keys', 'database'],
  processes: [
    ...['process-groups', 'configuration', 'keys', 'database', 'components', 'interfaces', 'openapi'],
    ...['listening', 'front-page'],
  ],
};

module.exports = {
  forbidden: [
    ...Object.entries(serverFolders).map(([folder, allowed]) => ({
      name: `server-${folder}`,
      comment: 'Folders of the server build on each other in one order (apps/server/README.md).',
      severity: 'error',
      from: { path: `^apps/server/src/${folder}/`, pathNot: notProduct },
      to: {
        path: '^apps/server/src/',
        pathNot: [folder, ...allowed].map((name) => `^apps/server/src/${name}/`),
      },
    })),
    only('kernel-imports-nothing', kernel, [], 'The kernel is what everything else stands on.'),
    ...Object.entries(importsOfProtocols).map(([name, imported]) =>
      only(
        `protocol-${name}`,
        `^protocols/${name}/`,
        [kernel, ...imported.map((other) => `^protocols/${other}/`)],
        'Formats and verification: no database, no configuration, no component, and other protocols by the table above.',
      ),
    ),
    {
      name: 'protocols-are-in-the-table',
      comment: 'A new protocol is added to the table before it imports anything.',
      severity: 'error',
      from: { path: `^protocols/(?!(${Object.keys(importsOfProtocols).join('|')})/)`, pathNot: notProduct },
      to: {},
    },
    only(
      'contracts-import-kernel-and-protocols',
      contracts,
      [kernel, protocols],
      'A contract names shapes, not machinery.',
    ),
    only(
      'runtime-imports-kernel-and-x509',
      runtime,
      [kernel, '^protocols/x509/'],
      'The runtime knows nothing of identity or trading. It reads certificates with the one X.509 reader.',
    ),
    only(
      'embedded-postgres-imports-kernel-and-runtime',
      embeddedPostgres,
      [kernel, runtime],
      'A database of development, for apps and tests that start one.',
    ),
    only(
      'commands-import-the-foundation-below',
      commands,
      [kernel, contracts, runtime, protocols],
      'How a command is recorded and carried out, whatever it is about.',
    ),
    only(
      'wire-imports-the-foundation-below',
      wire,
      [kernel, contracts, runtime, protocols],
      'How processes call each other, whatever they are about. No component knows where another runs.',
    ),
    {
      name: 'a-component-never-imports-another',
      comment: 'Components see each other through contracts only, so that each can run alone.',
      severity: 'error',
      from: { path: '^components/([^/]+)/', pathNot: notProduct },
      to: { path: '^components/', pathNot: '^components/$1/' },
    },
    only(
      'components-import-foundation-and-protocols',
      '^components/',
      [kernel, contracts, runtime, commands, protocols],
      'No component knows an app, the sdk or an example.',
    ),
    only(
      'sdk-imports-kernel-contracts-protocols',
      '^sdk/',
      [kernel, contracts, protocols],
      'What a protected service installs stays small.',
    ),
    only(
      'cli-imports-contracts-and-protocols',
      '^apps/cli/',
      [kernel, contracts, protocols, '^sdk/', '^apps/server/', '^apps/workload-agent/', '^examples/'],
      'The command talks to a running control plane through its public door; `start` and `demo` start one.',
    ),
    only(
      'the-workload-agent-imports-the-sdk',
      '^apps/workload-agent/',
      [kernel, protocols, '^sdk/'],
      'The agent on the machine of a workload calls the control plane through its public door.',
    ),
    only(
      'the-evidence-page-imports-protocols',
      '^apps/evidence-page/',
      [kernel, protocols],
      'What verifies evidence in a browser knows formats, and nothing of a server.',
    ),
    only(
      'examples-import-the-sdk',
      '^examples/',
      [kernel, contracts, protocols, '^sdk/'],
      'An example firm has what a customer has.',
    ),
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'only-the-gateway-fetches',
      comment: 'The federation gateway is the only component that calls addresses a partner chose.',
      severity: 'error',
      from: { path: '^components/(?!federation-gateway/)', pathNot: notProduct },
      to: { path: '^(undici|node_modules/undici/|(node:)?https?$)' },
    },
    {
      name: 'undici-in-the-gateway-and-for-clients',
      comment:
        'The runtime serves and the apps compose: neither has a client of its own that no rule watches. The wire calls our own processes.',
      severity: 'error',
      from: {
        path: '.',
        pathNot: `^(components/federation-gateway|foundation/wire|sdk|apps/cli|tests|benchmarks)/|${notProduct}`,
      },
      to: { path: '^(undici|node_modules/undici/)' },
    },
    {
      name: 'protocols-do-no-io',
      severity: 'error',
      from: { path: '^protocols/', pathNot: notProduct },
      to: { path: '^(node:)?(fs|fs/promises|net|http|https|child_process|dns)$' },
    },
    {
      name: 'sql-in-stores-only',
      comment: 'A component asks its storage in store.ts; types of `pg` may be named anywhere.',
      severity: 'error',
      from: { path: '^components/', pathNot: `(store|store/[a-z-]+)\\.ts$|${notProduct}` },
      to: {
        path: '^node_modules/pg/',
        dependencyTypesNot: ['type-only', 'pre-compilation-only'],
        preCompilationOnly: false,
      },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: '/dist/|\\.d\\.ts$' },
    tsPreCompilationDeps: 'specify',
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node'],
      extensions: ['.ts', '.js'],
    },
  },
};
