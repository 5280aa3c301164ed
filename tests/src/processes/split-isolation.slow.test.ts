import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { request as requestOverTls } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { callSchemas } from '@countersign/contracts/call-schemas';
import { decodeBase64Url, isCodedError } from '@countersign/kernel';
import { createLogger, rolesSecret, unseal } from '@countersign/runtime';
import { groupParts, processGroups } from '@countersign/server';
import { createTestAuthority } from '@countersign/testkit';
import { createPeer, type ProcessIdentity } from '@countersign/wire';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest';
import { callers } from '../../../apps/server/src/process-groups/callers.ts';
import { groupOf } from '../../../apps/server/src/process-groups/groups.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';
import { openTrading, type Trading } from '../testing/trading.ts';
import {
  type Group,
  groups,
  type Node,
  type SplitInstallation,
  startSplitInstallation,
} from './testing/split-installation.ts';

// What a thief in front of edge, or with everything that edge holds, cannot reach.

let installation: SplitInstallation;
let trading: Trading;
/** An unused address: every connection to it is recorded. */
let outside: Server;
let outsideUrl: string;
const visitors: string[] = [];

/** Injected code that tries to connect outside and reports the results on standard error. */
const scratch = scratchFolder();
const intruder = join(scratch.path, 'intruder.mjs');

beforeAll(async () => {
  outside = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"keys":[]}'),
  );
  await once(outside.listen(0, '127.0.0.1'), 'listening');
  outsideUrl = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
  outside.on('connection', ({ remotePort }) => visitors.push(processWithPort(remotePort ?? 0)));
  writeFileSync(
    intruder,
    `import { connect } from 'node:net';
     const say = (how, what) => process.stderr.write('intruder ' + how + ' ' + (what.code ?? what.cause?.code ?? what) + '\\n');
     process.on('SIGUSR2', () => {
       fetch('${outsideUrl}').then(() => say('fetch', 'connected'), (error) => say('fetch', error));
       const socket = connect(${(outside.address() as AddressInfo).port}, '127.0.0.1', () => say('net', 'connected'));
       socket.on('error', (error) => say('net', error));
     });`,
  );
  const env = { NODE_OPTIONS: `--import=${intruder}` };
  installation = await startSplitInstallation({ env: { edge: env, egress: env } });
  trading = await openTrading(installation);
}, 600_000);
afterAll(async () => {
  await trading?.stop();
  await installation?.stop();
  outside?.close();
  scratch.remove();
}, 240_000);
beforeEach(() => onTestFailed(() => void process.stderr.write(installation.explain())));

const nodeOf = (group: Group): Node => {
  const [node] = installation.nodesOf(group);
  if (node === undefined) throw new Error(`no process of ${group}`);
  return node;
};
const fileOf = (group: Group, name: string): string => readFileSync(join(nodeOf(group).folder, name), 'utf8');
const identityOf = (group: Group): ProcessIdentity => ({
  certificate: fileOf(group, 'process.pem'),
  key: fileOf(group, 'process.key'),
  authorities: fileOf(group, 'authorities.pem'),
});

/** Which process of the installation has a connection from this port (proc(5), net/tcp). Linux only. */
function processWithPort(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inode = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local]) => local?.endsWith(`:${hex}`))?.[9];
  const owner = installation.nodes.find(({ pid }) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
      } catch {
        return false;
      }
    }),
  );
  return owner?.group ?? 'another';
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request at the address for other processes, with any certificate. @throws when there is no connection */
async function knock(
  at: Group,
  {
    path,
    headers = {},
    body = '[]',
  }: { readonly path: string; readonly headers?: Record<string, string>; readonly body?: string },
  identity?: ProcessIdentity,
): Promise<Answer> {
  const request = requestOverTls({
    ...{ host: '127.0.0.1', port: nodeOf(at).port, path, method: 'POST', agent: false, timeout: 20_000 },
    rejectUnauthorized: false,
    headers: { 'content-type': 'application/vnd.countersign.call+json', ...headers },
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
  });
  request.on('timeout', () => request.destroy(new Error('no answer')));
  request.end(body);
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, body: text };
}

describe('a thief with everything that a process of edge holds', () => {
  it('cannot read a table of the log, nor connect as a role of another group', async () => {
    const secret = rolesSecret(fileOf('edge', join('data', 'roles-secret')).trim());
    const { host, port, database } = installation.connection;
    const as = async (user: string, text: string): Promise<unknown> => {
      const client = new pg.Client({ host, port, database, user, password: secret.passwordOf(user) });
      try {
        await client.connect();
        return await client.query(text);
      } finally {
        await client.end();
      }
    };
    for (const component of groupParts.edge.stored) {
      const role = `countersign_${component.replaceAll('-', '_')}`;
      await expect(as(role, 'select 1'), role).resolves.toBeDefined();
      await expect(as(role, 'select from audit_log.entries'), role).rejects.toMatchObject({ code: '42501' });
      await expect(as(role, 'select from audit_log.signing_keys'), role).rejects.toMatchObject({ code: '42501' });
    }
    for (const group of processGroups.filter((other) => other !== 'edge'))
      for (const component of groupParts[group].stored)
        await expect(as(`countersign_${component.replaceAll('-', '_')}`, 'select 1'), component).rejects.toMatchObject({
          code: '28P01',
        });
  });

  it('cannot unseal a signing key of another group: no checkpoint is signed with what edge holds', async () => {
    const owner = new pg.Client(installation.connection);
    await owner.connect();
    const opened = new Set<string>();
    try {
      const { rows: schemas } = await owner.query<{ schema: string }>(
        `select table_schema as schema from information_schema.tables where table_name = 'signing_keys'`,
      );
      for (const { schema } of schemas) {
        const group = groupOf(schema.replaceAll('_', '-'));
        const { rows } = await owner.query<{ purpose: string; kid: string; sealed_key: Buffer }>(
          `select purpose, kid, sealed_key from ${pg.escapeIdentifier(schema)}.signing_keys`,
        );
        for (const { purpose, kid, sealed_key: sealed } of rows) {
          const open = (by: Group): unknown => {
            const bytes = decodeBase64Url(fileOf(by, 'key-encryption-key').trim());
            if (bytes === undefined) throw new Error('no key');
            return unseal(sealed, { bytes }, `${purpose}|${kid}`);
          };
          expect(() => open(group), `${purpose} by its own group`).not.toThrow();
          opened.add(purpose);
          if (group !== 'edge')
            expect(
              codeBy(() => open('edge')),
              purpose,
            ).toBe('keystore_locked');
        }
      }
    } finally {
      await owner.end();
    }
    expect([...opened]).toEqual(
      expect.arrayContaining(['access-token', 'log-checkpoint', 'mandate', 'envelope', 'policy-bundle', 'event']),
    );
  });

  it('cannot call a method that the table does not grant to edge, and each attempt is in the log', async () => {
    const servers: readonly Group[] = ['core', 'evidence', 'egress'];
    const allowed = new Map<string, readonly string[]>(Object.entries(callers.edge));
    const refused: string[] = [];
    for (const [contract, methods] of Object.entries(callSchemas))
      for (const method of Object.keys(methods)) {
        if (allowed.get(contract)?.includes(method) === true) continue;
        for (const at of servers) {
          const answer = await knock(at, { path: `/calls/${contract}/${method}` }, identityOf('edge'));
          expect(answer, `${at} ${contract}/${method}`).toMatchObject({ status: 403 });
          expect(JSON.parse(answer.body)).toMatchObject({ code: 'call_not_permitted' });
          refused.push(`${at} ${contract}/${method}`);
        }
      }
    for (const path of ['/calls/audit-log/sign', '/calls/audit-log/checkpoint', '/calls/audit-log/toString'])
      expect(await knock('evidence', { path }, identityOf('edge')), path).toMatchObject({ status: 403 });
    // No contract has such a name, so it is not a call.
    expect(await knock('evidence', { path: '/calls/__proto__/constructor' }, identityOf('edge'))).toMatchObject({
      status: 404,
    });
    const records = await installation.operator.records({ type: 'access.refused' });
    const recorded = new Set(
      records
        .filter(({ actors }) => actors?.some(({ id }) => String(id) === 'process:edge'))
        .map(({ data }) => `${Reflect.get(Object(data), 'at')} ${Reflect.get(Object(data), 'call')}`),
    );
    expect(refused.filter((call) => !recorded.has(call))).toEqual([]);
  }, 300_000);

  it('cannot impersonate another process to its callers', async () => {
    const peer = createPeer({
      name: 'core',
      addresses: [`https://127.0.0.1:${nodeOf('egress').port}`],
      identity: identityOf('edge'),
      logger: createLogger({ level: 'silent', name: 'test' }),
    });
    try {
      const call = { contract: 'directory', method: 'changesSince', body: '[]', timeoutMs: 10_000, repeatable: true };
      await expect(peer.call(call)).rejects.toMatchObject({
        code: 'peer_unavailable',
        internal: expect.stringContaining('the certificate is of egress and not of core'),
      });
    } finally {
      await peer.stop();
    }
  });
});

describe('without a certificate of the installation', () => {
  const strangers = createTestAuthority({ name: 'strangers' });
  const stranger = strangers.issue({ subject: 'CN=edge', sans: { uri: ['urn:countersign:process:edge'] } });
  it.each([
    ['with none', () => undefined],
    [
      'with one of another authority that says the same name',
      () => ({
        certificate: stranger.certificatePem,
        key: stranger.privateKeyPem,
        authorities: strangers.certificatePem,
      }),
    ],
  ])('no connection is possible %s', async (_, identity) => {
    for (const at of groups)
      await expect(knock(at, { path: '/calls/audit-log/append' }, identity()), at).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:ECONNRESET|EPIPE|ERR_SSL_.*)$/),
      });
  });
});

describe('from outside, through the listener of edge,', () => {
  const paths = [
    '/calls/audit-log/append',
    '//calls/audit-log/append',
    '/directory/../calls/audit-log/append',
    '/log/../calls/audit-log/append',
    '/log/%2e%2e/calls/audit-log/append',
    '/log/%2E%2E/calls/audit-log/append',
    '/log/..%2fcalls%2faudit-log%2fappend',
    '/log/.%2e/calls/audit-log/append',
    '/log/..;/calls/audit-log/append',
    '/log/..\\calls\\audit-log\\append',
    '/log%2f..%2fcalls/audit-log/append',
    '/log//calls/audit-log/append',
    '/log?/../../calls/audit-log/append',
    'http://localhost/calls/audit-log/append',
    'http://localhost/log/../calls/audit-log/append',
    'https://evidence:7433/calls/audit-log/append',
  ];
  const headers: readonly (readonly string[])[] = [
    [],
    ['x-countersign-listener: HTTP'],
    ['x-countersign-listener: mutual TLS', 'X-Countersign-Listener: none'],
    ['x-countersign-listener:', 'connection: close, x-countersign-listener'],
    ['x-countersign-chain-verified: yes', 'x-forwarded-for: 127.0.0.1'],
    ['client-cert: :AAAA:', 'client-cert: :AAAA:'],
    ['host: evidence', 'x-original-url: /calls/audit-log/append', 'x-rewrite-url: /calls/audit-log/append'],
  ];
  async function ask(line: string, more: readonly string[]): Promise<string> {
    const { port } = new URL(installation.issuer);
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.setTimeout(30_000, () => socket.destroy(new Error('no answer')));
    const host = more.some((header) => header.startsWith('host:')) ? [] : ['host: localhost'];
    const own = more.some((header) => header.startsWith('connection:')) ? [] : ['connection: close'];
    socket.write(
      [
        `${line} HTTP/1.1`,
        ...host,
        ...own,
        'content-type: application/vnd.countersign.call+json',
        'content-length: 2',
        ...more,
        '',
        '[]',
      ].join('\r\n'),
    );
    await once(socket, 'close');
    return text;
  }

  it.each(paths)('%s does not reach a call, whatever headers it has', async (path) => {
    for (const more of headers)
      for (const method of ['POST', 'GET']) {
        const answer = await ask(`${method} ${path}`, more);
        expect(answer, more.join()).toMatch(/^HTTP\/1\.1 4\d\d /);
        expect(answer, more.join()).not.toMatch(/call_|internal_error|answer_malformed/);
      }
  });

  it('and no process has logged an internal error, or been called', async () => {
    for (const node of installation.nodes) expect(node.said()).not.toContain('by a fault of ours');
  });
});

describe('external addresses', () => {
  it('are called by egress when edge needs them', async () => {
    visitors.splice(0);
    const { firms } = trading;
    await installation.operator.trust({ ...firms.trustProfile, issuer: outsideUrl, jwks_uri: `${outsideUrl}/jwks` });
    const { mandate } = await trading.grantMandates();
    // The key set served there has no key, so nobody is admitted.
    const assertion = await trading.assertion({ claims: { iss: outsideUrl } });
    await expect(trading.traderToken(trading.order(mandate), assertion)).rejects.toMatchObject({
      code: 'invalid_grant',
    });
    expect(visitors.length).toBeGreaterThan(0);
    expect(new Set(visitors)).toEqual(new Set(['egress']));
  });

  it('cannot be reached from a process of edge, whatever code is injected', async () => {
    visitors.splice(0);
    const tried = (group: Group) =>
      vi.waitFor(
        () => {
          const lines =
            nodeOf(group)
              .said()
              .match(/intruder \w+ \S+/g) ?? [];
          expect(lines).toHaveLength(2);
          return [...lines].sort();
        },
        { timeout: 30_000, interval: 50 },
      );
    process.kill(nodeOf('edge').pid, 'SIGUSR2');
    expect(await tried('edge')).toEqual(['intruder fetch address_outside', 'intruder net address_outside']);
    expect(visitors).toEqual([]);
    // The same code does connect from egress, which may call outside.
    process.kill(nodeOf('egress').pid, 'SIGUSR2');
    expect(await tried('egress')).toEqual(['intruder fetch connected', 'intruder net connected']);
    expect(new Set(visitors)).toEqual(new Set(['egress']));
  });
});

function codeBy(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    return isCodedError(error) ? error.code : String(error);
  }
  return 'it was opened';
}
