import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessErrors, type ResourceGuard } from '@countersign/contracts';
import { createDirectory, type DirectoryComponent, directoryMigrations, directoryRoutes } from '@countersign/directory';
import { type CodedError, systemClock, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, type ScratchDatabase } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { createMemoryLog, createTestDatabase, everybodyIndependent, everyProposerActive } from '@countersign/testkit';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeCommands } from '../../apps/cli/src/commands/change.ts';
import { clientCommands } from '../../apps/cli/src/commands/client.ts';
import { directoryCommands } from '../../apps/cli/src/commands/directory.ts';
import { fileWithServices, tradingDesk } from '../../components/directory/src/testing/example-clients.ts';
import { exampleSeed, operator } from '../../components/directory/src/testing/example-file.ts';

/** The principal of each client of the command. */
const principals: Readonly<Record<string, string>> = { first: 'service:operator', second: 'person:olga.second' };

/** A test token names who asked and for which scopes. */
const guard: ResourceGuard = {
  async check({ authorization }, { scope }) {
    const [, client = '', granted] = authorization[0]?.replace(/^DPoP /, '').match(/^(\w+)~(.+)$/) ?? [];
    const subject = principals[client];
    if (subject === undefined) throw accessErrors.error('token_missing', 'no token');
    if (granted !== scope) throw accessErrors.error('insufficient_scope', `the token holds ${String(granted)}`);
    return {
      subject,
      client,
      institution: operator,
      actors: [],
      scope: [scope],
      tokenId: 'tok_x',
      authorizationDetails: [],
    };
  },
};

let scratch: ScratchDatabase;
let directory: DirectoryComponent;
let app: ReturnType<typeof createHttpServer>;
let folder: string;
let issuer: string;
let printed: string;

beforeEach(async () => {
  scratch = await createTestDatabase({ components: [directoryMigrations] });
  const [component] = scratch.components;
  if (component === undefined) throw new Error('no component');
  const logger = createLogger({ level: 'silent', name: 'test' });
  directory = await createDirectory({
    pool: scratch.pool('directory'),
    access: {
      database: scratch.database,
      role: component.role,
      schema: component.schema,
      applicationName: 'directory',
    },
    clock: systemClock,
    random: systemRandom,
    audit: createMemoryLog(systemClock),
    logger,
    seed: exampleSeed(),
    proposerStanding: everyProposerActive,
    independence: everybodyIndependent,
    departureEffects: () => [{ name: 'tokens', end: async () => ({ ended: 3 }) }],
  });
  app = createHttpServer({ logger, metrics: createMetrics() });
  app.post('/token', async ({ body }) => {
    const form = new URLSearchParams(String(body));
    return {
      access_token: `${String(form.get('client_id'))}~${String(form.get('scope'))}`,
      token_type: 'DPoP',
      expires_in: 300,
      scope: form.get('scope'),
    };
  });
  directoryRoutes(app, { directory, guard, baseUrl: 'https://countersign.example' });
  await app.listen({ host: '127.0.0.1', port: 0 });
  issuer = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'client-commands-'));
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await directory.stop();
  await scratch.drop();
  rmSync(folder, { recursive: true });
});

/** Runs the command as one of the two clients. @returns what it printed */
async function run(client: string, ...words: readonly string[]): Promise<string> {
  const key = file('key.jwk', generateSigningKey().privateJwk);
  const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
  for (const commands of [directoryCommands, clientCommands, changeCommands])
    commands(program, () => ({ data: folder, url: issuer, key, client }));
  printed = '';
  await program.parseAsync(words, { from: 'user' });
  return printed;
}

const refusalOf = async (running: Promise<unknown>): Promise<CodedError> =>
  running.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: CodedError) => error,
  );

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}

describe('countersign client', () => {
  it('registers, lists, shows and removes a sandbox client', async () => {
    await run('first', 'directory', 'apply', file('all.json', fileWithServices()));
    const desk = { ...tradingDesk(), environment: 'sandbox' };
    expect(await run('first', 'client', 'put', file('desk.json', desk))).toBe(
      '+ client       broker-desk\n1 changed; directory version 2\n',
    );
    const listed = await run('first', 'client', 'list');
    expect(listed.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^broker-desk +sandbox +fapi2 hybrid /),
      expect.stringMatching(/^broker-oms +sandbox +fapi2 machine /),
    ]);
    const shown = await run('first', 'client', 'show', 'broker-desk');
    // Its output can be put back.
    expect(await run('first', 'client', 'put', file('shown.json', JSON.parse(shown)))).toBe('nothing differs\n');
    expect(await run('first', 'client', 'remove', 'broker-desk')).toContain('- client       broker-desk');
    expect((await refusalOf(run('first', 'client', 'remove', 'broker-desk'))).code).toBe('entity_not_found');
    expect((await refusalOf(run('first', 'client', 'show', 'broker-desk'))).code).toBe('entity_not_found');
  });

  it('lists every page', async () => {
    await run('first', 'directory', 'apply', file('all.json', fileWithServices()));
    const names = Array.from({ length: 120 }, (_, index) => `bulk-${String(index).padStart(3, '0')}`);
    const [template] = fileWithServices().clients;
    await directory.apply(
      {
        services: names.map((name) => ({ id: `service:${name}`, institution: template?.['institution'], roles: [] })),
        clients: names.map((name) => ({
          ...template,
          id: name,
          principal: `service:${name}`,
          jwks: { keys: [{ ...generateSigningKey().publicJwk, kid: name }] },
        })),
      },
      { id: 'service:operator', institution: operator },
    );
    const lines = (await run('first', 'client', 'list')).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['broker-oms', ...names]);
  });
});

describe('countersign change', () => {
  it('takes a production client through two people, with the next step at each stage', async () => {
    await run('first', 'directory', 'apply', file('all.json', fileWithServices()));
    const desk = file('desk.json', tradingDesk());
    const refusal = await refusalOf(run('first', 'client', 'put', desk));
    expect(refusal.code).toBe('second_person_required');
    expect(refusal.detail).toContain('--propose REASON');
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();

    const proposed = await run('first', 'client', 'put', desk, '--propose', 'go-live');
    const [, id = '', digest = ''] = /change approve (chg_\w+) --digest ([\w-]{43})/.exec(proposed) ?? [];
    expect(proposed).toContain('waits for a second person');
    expect(await run('second', 'change', 'list', '--status', 'proposed')).toContain(
      `${id}  proposed 1 by service:operator  go-live`,
    );
    const shown = await run('second', 'change', 'show', id);
    expect(shown).toContain('  +   "environment": "production"');
    expect(shown).toContain(`change approve ${id} --digest ${digest}`);

    expect((await refusalOf(run('first', 'change', 'approve', id, '--digest', digest))).code).toBe(
      'change_self_approval',
    );
    await expect(run('second', 'change', 'approve', id)).rejects.toThrow("required option '--digest <digest>'");
    expect(await run('second', 'change', 'approve', id, '--digest', digest)).toBe(
      '+ client       broker-desk\n1 changed; directory version 2\n',
    );
    expect(directory.snapshot().client('broker-desk')?.environment).toBe('production');
    expect(await run('second', 'change', 'list')).toContain('approved 1 by service:operator, person:olga.second');

    // For a changed client, the changed members.
    const renamed = file('renamed.json', { ...tradingDesk(), client_name: 'Desk' });
    const again = await run('first', 'client', 'put', renamed, '--propose', 'a name for people');
    expect(await run('second', 'change', 'show', /chg_\w+/.exec(again)?.[0] ?? '')).toContain(
      '~ client       broker-desk  client_name\n  - {}\n  + {\n  +   "client_name": "Desk"\n  + }\n',
    );
  });

  it('rejects with a reason', async () => {
    await run('first', 'directory', 'apply', file('all.json', fileWithServices()));
    const proposed = await run('first', 'client', 'put', file('desk.json', tradingDesk()), '--propose', 'go-live');
    const id = /chg_\w+/.exec(proposed)?.[0] ?? '';
    await expect(run('second', 'change', 'reject', id)).rejects.toThrow("required option '--reason <text>'");
    expect(await run('second', 'change', 'reject', id, '--reason', 'not yet')).toContain('rejected');
    expect(directory.snapshot().client('broker-desk')).toBeUndefined();
  });

  it('also applies a whole file with production clients', async () => {
    const all = fileWithServices();
    const path = file('all.json', { ...all, clients: [tradingDesk()] });
    expect((await refusalOf(run('first', 'directory', 'apply', path, '--prune'))).detail).toContain('--propose REASON');
    const proposed = await run('first', 'directory', 'apply', path, '--prune', '--propose', 'first file');
    const [, id = '', digest = ''] = /change approve (chg_\w+) --digest ([\w-]{43})/.exec(proposed) ?? [];
    await run('second', 'change', 'approve', id, '--digest', digest);
    expect(directory.snapshot().client('broker-desk')).toBeDefined();
    expect(await run('first', 'directory', 'plan', path)).toBe('nothing differs\n');
  });
});

describe('countersign directory', () => {
  const everybody = () => file('all.json', fileWithServices());

  it('shows the differences of a file, and changes nothing', async () => {
    await run('first', 'directory', 'apply', everybody());
    const changed = fileWithServices();
    const [anna] = changed.people;
    Object.assign(anna ?? {}, { desk: 'credit', roles: ['trader', 'desk-head'] });
    expect(await run('first', 'directory', 'diff', file('changed.json', changed))).toBe(
      [
        '~ person       person:anna.keller',
        '  - desk  rates',
        '  + desk  credit',
        '  + roles  desk-head',
        'would be 0 added, 1 changed, 0 removed; directory version 1',
        '',
      ].join('\n'),
    );
    expect(directory.snapshot().version).toBe(1);
  });

  it('reports the problems of a file', async () => {
    const error = await refusalOf(run('first', 'directory', 'apply', file('bad.json', { people: [{}] })));
    expect(error.code).toBe('directory_file_invalid');
    expect(error.facts?.['problem_count']).toBeGreaterThan(0);
  });

  it('shows its progress with a large file', async () => {
    const bars: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => bars.push(String(text)) > 0);
    const { institutions } = fileWithServices();
    const [{ lei } = { lei: '' }] = institutions;
    const services = Array.from({ length: 6_000 }, (_, index) => ({
      id: `service:s${index}`,
      institution: lei,
      roles: [],
    }));
    await run('first', 'directory', 'apply', everybody());
    const lines = (await run('first', 'directory', 'apply', file('many.json', { services }))).trimEnd().split('\n');
    expect(lines.at(-1)).toBe('6000 changed; directory version 2');
    expect(bars.join('')).toContain('6,000 of 6,000 written');
  });

  it('moves a person, removes a person, and lists both', async () => {
    await run('first', 'directory', 'apply', everybody());
    const moved = await run(
      'first',
      'directory',
      'move',
      'person:anna.keller',
      '--desk',
      'credit',
      '--reason',
      'moves',
    );
    expect(moved).toMatch(/^person:anna\.keller moved {2}completed {2}\S+ {2}dep_\w+\n {2}ended {4}tokens {2}3\n$/);
    expect(directory.snapshot().principal('person:anna.keller')?.desk).toBe('credit');
    await run(
      'first',
      'directory',
      'move',
      'person:anna.keller',
      '--no-desk',
      '--roles',
      'auditor,trader',
      '--reason',
      'audits',
    );
    expect(directory.snapshot().principal('person:anna.keller')).toMatchObject({ roles: ['auditor', 'trader'] });
    expect(directory.snapshot().principal('person:anna.keller')?.desk).toBeUndefined();
    expect(await run('first', 'directory', 'leave', 'person:anna.keller', '--reason', 'leaves')).toMatch(
      / left {2}completed /,
    );
    expect(directory.snapshot().principal('person:anna.keller')).toBeUndefined();
    const listed = await run('first', 'directory', 'departures', '--status', 'completed');
    expect(
      listed
        .split('\n')
        .filter((line) => line.startsWith('person:'))
        .map((line) => line.split(' ')[1]),
    ).toEqual(['left', 'moved', 'moved']);
    expect((await refusalOf(run('first', 'directory', 'leave', 'person:nobody', '--reason', 'x'))).code).toBe(
      'principal_not_found',
    );
  });
});
