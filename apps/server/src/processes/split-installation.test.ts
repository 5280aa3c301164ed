import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { createLifecycle, createLogger, readSecret, rolesSecret } from '@countersign/runtime';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfigurationFile } from '../configuration/configuration-file.ts';
import { prepareDevelopment } from '../configuration/development.ts';
import { type OpenedDatabase, openControlPlaneDatabase } from '../database/database.ts';
import { migrateDatabase } from '../database/migrate-database.ts';
import { migratedComponents } from '../database/migrated-components.ts';
import { groupOf, groupParts, type ProcessGroup, processGroups } from '../process-groups/groups.ts';
import { type InitialisedProcesses, initProcesses } from '../provisioning/init-processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'split-installation-'));
const out = join(folder, 'processes');
const logger = createLogger({ level: 'silent', name: 'test' });
const lifecycle = createLifecycle({ logger });
const ownerUrl = join(folder, 'owner-url');
let postgres: EmbeddedPostgres;
let configurationFile: string;
let made: InitialisedProcesses;

beforeAll(async () => {
  mkdirSync(join(folder, 'server'), { mode: 0o711 });
  postgres = await startEmbeddedPostgres({ dataFolder: join(folder, 'server', 'postgres') });
  const { user, password, host, port, database } = postgres.connection;
  writeFileSync(ownerUrl, `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}\n`);
  const setup = prepareDevelopment({
    dataFolder: join(folder, 'data'),
    port: 7420,
    databaseUrl: `file:${ownerUrl}`,
  });
  configurationFile = setup.configurationFile;
  made = await initProcesses({ configurationFile, folder: out, names: { core: ['core.internal', '10.0.0.7'] } });
}, 120_000);
afterAll(async () => {
  await lifecycle.stop();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

const configurationOf = (group: ProcessGroup) => readConfigurationFile(join(out, group, 'config.json'));
const open = (group: ProcessGroup): Promise<OpenedDatabase> =>
  openControlPlaneDatabase({
    configuration: configurationOf(group),
    components: migratedComponents,
    ...{ lifecycle, logger },
    onProgress: () => undefined,
  });

/** An attacker with every file of a process of the group. */
async function asThiefOf<Result>(
  group: ProcessGroup,
  role: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const secret = rolesSecret(readFileSync(join(out, group, 'data', 'roles-secret'), 'utf8').trim());
  const { host, port, database } = postgres.connection;
  const client = new pg.Client({ host, port, database, user: role, password: secret.passwordOf(role) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('the database of a split installation', () => {
  it('is opened by no process before it was migrated, and the refusal names the command', async () => {
    await expect(open('edge')).rejects.toMatchObject({
      code: 'database_not_migrated',
      detail: expect.stringContaining('countersign migrate --config'),
    });
  });

  it('is migrated by its own command, and then opened by the processes of each group with its roles only', async () => {
    const said: string[] = [];
    await migrateDatabase({ configurationFile, say: (line) => said.push(line) });
    expect(said).toContain('The database is at this release.');
    for (const group of processGroups) {
      const opened = await open(group);
      expect('url' in opened.database.connection && opened.database.connection.url).not.toContain('@');
      for (const component of migratedComponents)
        if (groupOf(component.name) === group) {
          const { rows } = await opened.pool(component).query<{ role: string }>('select session_user::text as role');
          expect(rows).toEqual([{ role: component.role }]);
        } else expect(() => opened.pool(component)).toThrow(`the database of ${component.name}`);
    }
  });

  it.each(processGroups)(
    'lets a thief with the secrets of %s sign in only with the roles of that group',
    async (group) => {
      for (const { name, role } of migratedComponents)
        if (groupOf(name) === group) await asThiefOf(group, role, (client) => client.query('select 1'));
        else
          await expect(
            asThiefOf(group, role, (client) => client.query('select 1')),
            role,
          ).rejects.toMatchObject({ code: '28P01' });
    },
  );

  it('shows nothing of the log to a holder of the secrets of edge', async () => {
    for (const name of groupParts.edge.stored) {
      const role = migratedComponents.find((component) => component.name === name)?.role ?? '';
      await asThiefOf('edge', role, async (client) => {
        const { rows } = await client.query<{ table: string; readable: boolean }>(
          `select c.oid::regclass::text as table, has_table_privilege(c.oid, 'select') as readable
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('audit_log', 'evidence_eraser', 'retention', 'time_stamping', 'countersign_meta')
              and c.relkind in ('r', 'v', 'm', 'p')`,
        );
        expect(rows.length).toBeGreaterThan(10);
        expect(rows.filter(({ readable }) => readable)).toEqual([]);
        await expect(client.query('select from audit_log.entries')).rejects.toMatchObject({ code: '42501' });
      });
    }
  });

  it('is refused at another release, which no role can hide', async () => {
    const owner = new pg.Client({ connectionString: readSecret(`file:${ownerUrl}`) });
    await owner.connect();
    try {
      await asThiefOf('edge', 'countersign_devices', (client) =>
        expect(
          client.query(
            `create or replace function devices.migrations_digest() returns text language sql as 'select 1'`,
          ),
        ).rejects.toMatchObject({ code: '42501' }),
      );
      await owner.query(
        `create or replace function devices.migrations_digest() returns text language sql as $$select 'another'$$`,
      );
      await expect(open('edge')).rejects.toMatchObject({
        code: 'database_not_migrated',
        detail: expect.stringContaining('devices'),
      });
      await open('core');
    } finally {
      await owner.end();
    }
    await migrateDatabase({ configurationFile, say: () => undefined });
    await open('edge');
  });

  it('is not opened by a process that was given its account', async () => {
    const file = join(out, 'egress', 'database-url');
    const address = readFileSync(file, 'utf8');
    writeFileSync(file, readFileSync(ownerUrl, 'utf8'));
    await expect(open('egress')).rejects.toMatchObject({ code: 'database_url_with_account' });
    writeFileSync(file, address);
  });

  it('is not migrated with the configuration of one process', async () => {
    const ofEdge = join(out, 'edge', 'config.json');
    await expect(migrateDatabase({ configurationFile: ofEdge, say: () => undefined })).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
  });
});

describe('the files of a group’s process', () => {
  const filesBelow = (path: string): readonly string[] =>
    readdirSync(path, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const secretsOf = (group: ProcessGroup): readonly string[] =>
    ['key-encryption-key', 'process.key', join('data', 'roles-secret')].map((name) =>
      readFileSync(join(out, group, name), 'utf8').trim(),
    );

  it('hold no secret of the installation or of another group', () => {
    const installation = [
      readFileSync(join(folder, 'data', 'key-encryption-key'), 'utf8').trim(),
      readFileSync(join(folder, 'data', 'roles-secret'), 'utf8').trim(),
      encodeURIComponent(postgres.connection.password),
      readFileSync(made.authorityKeyFile, 'utf8').trim(),
    ];
    for (const group of processGroups) {
      const text = filesBelow(join(out, group))
        .map((file) => readFileSync(file, 'utf8'))
        .join('\n');
      const others = processGroups.filter((other) => other !== group).flatMap(secretsOf);
      for (const secret of [...installation, ...others]) expect(text.includes(secret), group).toBe(false);
      for (const secret of secretsOf(group)) expect(text).toContain(secret);
    }
  });

  it('can be read only by its account', () => {
    for (const file of filesBelow(out)) expect(statSync(file).mode & 0o777, file).toBe(0o600);
  });

  it('include a configuration that needs nothing else, with the settings of its group only', () => {
    const core = configurationOf('core');
    expect(core.process).toMatchObject({
      group: 'core',
      listen: { host: '0.0.0.0', port: 7432 },
      peers: {
        edge: ['https://localhost:7431'],
        evidence: ['https://localhost:7433'],
        egress: ['https://localhost:7434'],
        'certificate-authority': ['https://localhost:7435'],
        secrets: ['https://localhost:7436'],
      },
    });
    expect(configurationOf('edge').process).toMatchObject({
      listen: { host: '127.0.0.1', port: 7431 },
      peers: { core: ['https://core.internal:7432'] },
    });
    expect(configurationOf('edge').listen).toEqual({ host: '127.0.0.1', port: 7420 });
    for (const { alsoReads, configurationFile: its } of made.processes) {
      expect(alsoReads).toEqual([]);
      expect(existsSync(its)).toBe(true);
    }
  });

  it('include a certificate for a year that names its group, for both ends of a connection', async () => {
    const authority = readFileSync(join(out, 'authority', 'authority.pem'), 'utf8');
    const identityOf = (group: ProcessGroup) => ({
      cert: readFileSync(join(out, group, 'process.pem'), 'utf8'),
      key: readFileSync(join(out, group, 'process.key'), 'utf8'),
      ca: readFileSync(join(out, group, 'authorities.pem'), 'utf8'),
    });
    const certificate = new X509Certificate(identityOf('core').cert);
    expect(certificate.subjectAltName).toBe('URI:urn:countersign:process:core, DNS:core.internal, IP Address:10.0.0.7');
    expect(certificate.verify(new X509Certificate(authority).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(identityOf('core').key))).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(364);
    expect(days).toBeLessThan(366);

    const server = createServer(
      { ...identityOf('evidence'), requestCert: true, rejectUnauthorized: true },
      ({ socket }, response) =>
        response.end(socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.subjectAltName : ''),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const seen = await new Promise<string>((resolve, reject) => {
        get(`https://127.0.0.1:${port}/`, { ...identityOf('edge'), agent: false }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve(text));
        }).on('error', reject);
      });
      expect(seen).toContain('URI:urn:countersign:process:edge');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('are never overwritten', async () => {
    const before = filesBelow(out).map((file) => readFileSync(file, 'utf8'));
    await expect(initProcesses({ configurationFile, folder: out })).rejects.toMatchObject({ code: 'folder_not_empty' });
    expect(filesBelow(out).map((file) => readFileSync(file, 'utf8'))).toEqual(before);
  });

  it.each([
    ['invalid names', { names: { edge: ['Not a name'] } }, 'process_name_invalid'],
    ['an invalid port', { firstPort: 65_535 }, 'port_invalid'],
  ])('are not made with %s', async (_, change, code) => {
    const refused = join(folder, 'refused');
    await expect(initProcesses({ configurationFile, folder: refused, ...change })).rejects.toMatchObject({ code });
    expect(existsSync(refused)).toBe(false);
  });

  it('are not made for an installation with the embedded database', async () => {
    const { configurationFile: embedded } = prepareDevelopment({ dataFolder: join(folder, 'embedded'), port: 7420 });
    await expect(initProcesses({ configurationFile: embedded, folder: join(folder, 'refused') })).rejects.toMatchObject(
      { code: 'configuration_invalid', detail: expect.stringContaining('databaseUrl') },
    );
  });
});
