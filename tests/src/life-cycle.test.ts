import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isCodedError } from '@countersign/kernel';
import { readConfiguration } from '@countersign/server';
import { freePort } from '@countersign/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import {
  countersign,
  endAll,
  interruptStart,
  processesAbout,
  type ServerProcess,
  startServer,
} from './testing/command.ts';
import { type Operator, operatorOf } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf } from './testing/trading.ts';

const binary = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));
const folder = scratchFolder();
const data = join(folder.path, 'data');
let port: number;
let server: ServerProcess;

afterAll(async () => {
  await endAll();
  folder.remove();
});

const start = async (): Promise<ServerProcess> => {
  port ??= await freePort();
  server = await startServer(['--data', data, '--port', String(port)]);
  return server;
};

/** Clients that request one token after the other, as fast as they are answered, until they get no answer. */
function requestRepeatedly(clients: number): { readonly received: string[]; readonly ended: Promise<unknown> } {
  const received: string[] = [];
  const ask = async ({ client }: Operator): Promise<void> => {
    for (;;) {
      try {
        const token = await client.clientCredentials({
          resource: `${server.address}/decisions`,
          scope: 'decision:evaluate',
        });
        received.push(String(claimsOf(token)['evidence']));
      } catch (error) {
        if (isCodedError(error)) return;
        throw error;
      }
    }
  };
  return { received, ended: Promise.all(Array.from({ length: clients }, () => ask(operatorOf(data, server.address)))) };
}

const untilMany = async (received: readonly string[], many: number): Promise<void> => {
  while (received.length < many) await new Promise((resolve) => setTimeout(resolve, 5));
};

async function expectAllRecorded(received: readonly string[]): Promise<void> {
  const records = await operatorOf(data, server.address).records({ type: 'token.issued' });
  const known = new Set<string>(records.map(({ id }) => id));
  expect(received.filter((evidence) => !known.has(evidence))).toEqual([]);
  const verified = await countersign(['--data', data, 'log', 'verify']);
  expect(verified.stdout).toMatch(/^ok\s+\d+ entries hash to the signed root/);
  // It used the key that the log publishes; to anchor it, the reader names one from elsewhere.
  expect(verified.stdout).toContain('unanchored');
  expect(verified.code).toBe(3);
}

describe('countersign start', () => {
  it('creates what it needs, prints its address, and answers', { timeout: 120_000 }, async () => {
    const { address, startedInSeconds } = await start();
    expect(address).toBe(`http://localhost:${port}`);
    expect(server.said()).toContain('Not for production');
    expect(readFileSync(join(data, '.gitignore'), 'utf8')).toBe('*\n');
    const ready = await fetch(`${address}/readyz`);
    expect(ready.status).toBe(200);
    process.stdout.write(`first start: ready after ${startedInSeconds.toFixed(1)} s\n`);
  });

  it('prints no secrets', () => {
    const said = server.said();
    const secrets = [
      readFileSync(join(data, 'key-encryption-key'), 'utf8').trim(),
      readFileSync(join(data, 'roles-secret'), 'utf8').trim(),
      (JSON.parse(readFileSync(join(data, 'operator.jwk'), 'utf8')) as { d: string }).d,
    ];
    for (const secret of secrets) expect(said).not.toContain(secret);
  });

  it.each([
    [['exception', 'list'], /^scope_not_allowed .*exception:read.* shown to their parties.* --client/],
    [['event', 'read', '--topics', 'order'], /^scope_not_allowed .*event:read.* shown to their parties.* --client/],
    [['transaction', 'show', 'tx_1'], /^scope_not_allowed .*order:read.* shown to their parties.* --client/],
    [
      ['--client', 'countersign-compliance', '--key', 'compliance.jwk', 'log', 'show'],
      /^target_not_allowed .*directory/,
    ],
  ])('tells the operator whom to ask for %j', async (args, advice) => {
    const paths = args.map((arg) => (arg.endsWith('.jwk') ? join(data, arg) : arg));
    const outcome = await countersign(['--data', data, ...paths]);
    expect(outcome.stderr).toMatch(advice);
    expect(outcome.code).toBe(1);
  });

  it('is refused on data in use, and leaves the first start undisturbed', async () => {
    for (const words of [
      ['start', '--data', data],
      ['--data', data, 'start'],
    ]) {
      const second = await countersign(words);
      expect(second.code).toBe(69);
      expect(second.stderr).toContain('is a control plane running already?');
    }
    expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
  });

  it('ends with 0 on SIGTERM under load, and nothing it has answered is lost', { timeout: 120_000 }, async () => {
    const { received, ended } = requestRepeatedly(20);
    await untilMany(received, 100);
    expect(await server.end('SIGTERM')).toBe(0);
    await ended;
    expect(server.said()).not.toContain('did not stop in time');
    const { startedInSeconds } = await start();
    process.stdout.write(`second start: ready after ${startedInSeconds.toFixed(1)} s\n`);
    await expectAllRecorded(received);
  });

  it('answers every open connection on SIGTERM, and resets none', { timeout: 60_000 }, async () => {
    const connections = await Promise.all(
      Array.from({ length: 80 }, async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      }),
    );
    const answers = connections.map(async (socket) => {
      let text = '';
      socket.on('data', (data) => {
        text += String(data);
      });
      await once(socket, 'close');
      return text.split('\r\n')[0];
    });
    const ended = server.end('SIGTERM');
    for (const socket of connections) socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 200 OK']));
    expect(await ended).toBe(0);
    await start();
  });

  it('is refused with an explanation if too few files may be open', async () => {
    const script = `ulimit -n 512; exec "$@"`;
    const args = ['-c', script, 'sh', process.execPath, binary, 'start', '--data', join(folder.path, 'few')];
    const refused = await promisify(execFile)('sh', args).catch((error: { code: number; stderr: string }) => error);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/open_files_limit.*512.*1024.*ulimit/s) });
  });

  it('recovers by itself after a SIGKILL under load, and every received token has its record', {
    timeout: 60_000,
  }, async () => {
    const { received, ended } = requestRepeatedly(20);
    await untilMany(received, 200);
    expect(await server.end('SIGKILL')).toBe('SIGKILL');
    await ended;
    const { startedInSeconds } = await start();
    process.stdout.write(`start after a kill: ready after ${startedInSeconds.toFixed(1)} s\n`);
    await expectAllRecorded(received);
  });

  it('starts although the former port of its database is taken', { timeout: 120_000 }, async () => {
    const postmaster = readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n');
    const databasePort = Number(postmaster[3]);
    await server.end('SIGTERM');
    const occupant = createServer().listen(databasePort, '127.0.0.1');
    await once(occupant, 'listening');
    await start();
    const now = readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n');
    expect(Number(now[3])).not.toBe(databasePort);
    await expectAllRecorded([]);
    expect(await server.end('SIGINT')).toBe(0);
    occupant.close();
    await once(occupant, 'close');
  });

  it('says what to do when its own port is taken, and leaves nothing running', { timeout: 120_000 }, async () => {
    const occupant = createServer().listen(port, '127.0.0.1');
    await once(occupant, 'listening');
    const outcome = await countersign(['start', '--data', data]);
    expect(outcome.code).toBe(69);
    expect(outcome.stderr).toContain('address_in_use');
    expect(outcome.stderr).toContain('choose another port');
    const fresh = join(folder.path, 'never-made');
    const first = await countersign(['start', '--data', fresh, '--port', String(port)]);
    expect(first.stderr).toContain('address_in_use');
    expect(existsSync(join(fresh, 'postgres'))).toBe(false);
    occupant.close();
    await once(occupant, 'close');
    expect(processesAbout(data)).toEqual([]);
    // No database was started: the next start finds the data free.
    await start();
    // Node and PostgreSQL at least; without /proc neither can be seen.
    if (process.platform === 'linux') expect(processesAbout(data).length).toBeGreaterThan(1);
    expect(await server.end('SIGTERM')).toBe(0);
    expect(processesAbout(data)).toEqual([]);
  });
});

describe('another secret of the database roles', () => {
  it('is reported, and is adopted on request', { timeout: 120_000 }, async () => {
    rmSync(join(data, 'roles-secret'));
    const refused = await countersign(['start', '--data', data]);
    expect(refused.stderr).toContain('roles_secret_mismatch');
    expect(refused.stderr).toContain('--adopt-roles-secret');
    server = await startServer(['--data', data, '--adopt-roles-secret']);
    await expectAllRecorded([]);
    expect(await server.end('SIGTERM')).toBe(0);
    await start();
    expect(await server.end('SIGTERM')).toBe(0);
  });
});

describe('DATABASE_URL', () => {
  it('is refused when the data is in an embedded database', async () => {
    const env = { DATABASE_URL: 'postgres://somebody:hunter2@127.0.0.1:1/else' };
    const outcome = await countersign(['start', '--data', data], { env });
    expect(outcome.stderr).toContain('database_url_unused');
    expect(outcome.stderr).not.toContain('hunter2');
    expect(outcome.code).toBe(1);
  });

  it('is used by a first start, which stores its name and not its secret', { timeout: 60_000 }, async () => {
    const own = join(folder.path, 'own-database');
    const words = ['start', '--data', own, '--port', String(await freePort())];
    const outcome = await countersign(words, { env: { DATABASE_URL: 'mysql://somebody:hunter2@127.0.0.1/else' } });
    expect(outcome.stderr).toContain('database_url_invalid');
    expect(existsSync(join(own, 'postgres'))).toBe(false);
    expect(outcome.stdout).not.toContain('embedded');
    const kept = readFileSync(join(own, 'countersign.json'), 'utf8');
    expect(JSON.parse(kept)).toMatchObject({ databaseUrl: 'env:DATABASE_URL' });
    expect(kept + outcome.stdout + outcome.stderr).not.toContain('hunter2');
  });
});

describe('an aborted start', () => {
  const given = join(folder.path, 'given-up');

  // In this order on one folder: each start continues with what the previous one left.
  it.each([
    ['while the database is made', 'Creating the database', 'SIGTERM'],
    ['while the components start', 'Starting components', 'SIGINT'],
  ] as const)('%s ends with 0, and leaves nothing running', { timeout: 120_000 }, async (_, saying, signal) => {
    const args = ['--data', given, '--port', String(await freePort())];
    const outcome = await interruptStart(args, { once: saying, signal });
    expect(outcome.stdout).toContain(saying);
    expect(outcome.stdout).not.toContain('Ready after');
    expect(outcome.stderr).not.toContain('Error');
    expect(outcome.code).toBe(0);
    expect(processesAbout(given)).toEqual([]);
  });

  it('does not block the next', { timeout: 120_000 }, async () => {
    const next = await startServer(['--data', given, '--port', String(await freePort())]);
    expect((await fetch(`${next.address}/readyz`)).status).toBe(200);
    expect(await next.end('SIGTERM')).toBe(0);
  });
});

describe('a configuration', () => {
  const good = (): Record<string, unknown> =>
    JSON.parse(readFileSync(join(data, 'countersign.json'), 'utf8')) as Record<string, unknown>;
  const production = { environment: 'production', issuer: 'https://as.example', databaseUrl: 'env:DATABASE_URL' };

  it.each([
    ['plain HTTP in production', { ...production, issuer: 'http://as.example' }, 'configuration_unsafe', 'https'],
    [
      'plain HTTP on loopback in production',
      { ...production, issuer: 'http://127.0.0.1:7420' },
      'configuration_unsafe',
      'https',
    ],
    [
      'an embedded database in production',
      { environment: 'production', issuer: 'https://as.example' },
      'configuration_unsafe',
      'databaseUrl',
    ],
    ['development under a public name', { issuer: 'https://as.example' }, 'configuration_unsafe', 'loopback'],
    [
      'a secret written into it',
      { databaseUrl: 'postgres://user:secret@db/x' },
      'configuration_invalid',
      '/databaseUrl',
    ],
    ['a setting that does not exist', { accessTokenLifeTime: 300 }, 'configuration_invalid', 'accessTokenLifeTime'],
    [
      'tokens that live longer than five minutes',
      { accessTokenLifetimeSeconds: 301 },
      'configuration_invalid',
      '/accessTokenLifetimeSeconds',
    ],
    ['an issuer with a path', { issuer: 'http://127.0.0.1:7420/as' }, 'configuration_invalid', '/issuer'],
  ])('is refused with %s', (_, change, code, names) => {
    const refused = expect.objectContaining({ code, detail: expect.stringContaining(names) });
    expect(() => readConfiguration({ ...good(), ...change })).toThrow(refused);
  });

  it('never has its secrets repeated in the refusal', () => {
    const changed = { ...good(), databaseUrl: 'postgres://user:hunter2@db/x', keyEncryptionKey: 'hunter2' };
    expect(() => readConfiguration(changed)).toThrow(
      expect.objectContaining({ detail: expect.not.stringContaining('hunter2') }),
    );
  });

  it('stops the command before anything was started, naming every unsafe setting', async () => {
    const file = join(folder.path, 'unsafe.json');
    writeFileSync(
      file,
      JSON.stringify({ ...good(), environment: 'production', dataFolder: join(folder.path, 'untouched') }),
    );
    const outcome = await countersign(['start', '--config', file]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('configuration_unsafe');
    expect(outcome.stderr).toContain('issuer: must be https');
    expect(outcome.stderr).toContain('databaseUrl');
    expect(() => readFileSync(join(folder.path, 'untouched/roles-secret'))).toThrow();
  });

  it('stops the command when a secret cannot be read, or a key is invalid', async () => {
    const file = join(folder.path, 'no-secret.json');
    writeFileSync(file, JSON.stringify({ ...good(), keyEncryptionKey: 'env:NOT_SET_ANYWHERE' }));
    const outcome = await countersign(['start', '--config', file]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('secret_unavailable');
    writeFileSync(file, JSON.stringify({ ...good(), keyEncryptionKey: 'env:SHORT_KEY' }));
    const short = await countersign(['start', '--config', file], { env: { SHORT_KEY: 'c2hvcnQ' } });
    expect(short.code).toBe(1);
    expect(short.stderr).toContain('configuration_invalid');
    expect(short.stderr).not.toContain('c2hvcnQ');
  });
});
