import type { Actor, DirectoryProblem, RecordDraft } from '@countersign/contracts';
import { CodedError, systemRandom } from '@countersign/kernel';
import { type ComponentAccess, componentPool, createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  createFaultyProxy,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectory, type DirectoryComponent, type DirectoryDependencies, directoryMigrations } from './index.ts';
import { createDirectoryLog, type DirectoryLogDouble } from './testing/directory-log.ts';
import {
  broker,
  custodian,
  type ExampleFile,
  exampleFile,
  exampleKeyPair,
  exampleLei,
  exampleSeed,
  operator,
  venue,
} from './testing/example-file.ts';

const by: Actor = { id: 'service:operator', institution: operator };
const logger = createLogger({ level: 'silent', name: 'test' });

let scratch: ScratchDatabase;
let opened: DirectoryComponent[];
let log: DirectoryLogDouble;
let records: RecordDraft[];

beforeEach(async () => {
  scratch = await createTestDatabase({ components: [directoryMigrations] });
  opened = [];
  log = createDirectoryLog(fixedClock(Date.UTC(2026, 10, 21)));
  records = log.records;
});
afterEach(async () => {
  await Promise.all(opened.map((directory) => directory.stop()));
  await scratch.drop();
});

function accessTo(database: ScratchDatabase['database']): ComponentAccess {
  const [component] = scratch.components;
  if (component === undefined) throw new Error('no component');
  return { database, role: component.role, schema: component.schema, applicationName: 'directory' };
}

async function open(options: Partial<DirectoryDependencies> = {}): Promise<DirectoryComponent> {
  const directory = await createDirectory({
    pool: scratch.pool('directory'),
    access: accessTo(scratch.database),
    clock: fixedClock(Date.UTC(2026, 10, 21)),
    random: systemRandom,
    audit: log.audit,
    logger,
    proposerStanding: everyProposerActive,
    independence: everybodyIndependent,
    seed: exampleSeed(),
    ...options,
  });
  opened.push(directory);
  return directory;
}

async function refusalOf(promise: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw error;
  return error;
}

function problemsOf(error: CodedError): readonly DirectoryProblem[] {
  return error.facts?.['problems'] as readonly DirectoryProblem[];
}

/** The nth entity of a list, which the test may change in place. */
function nth(list: Record<string, unknown>[], index: number): Record<string, unknown> {
  const entity = list[index];
  if (entity === undefined) throw new Error(`no entity ${index}`);
  return entity;
}

function set(entity: Record<string, unknown>, member: string, value: unknown): void {
  entity[member] = value;
}

function modelOf(file: ExampleFile): Record<string, unknown> {
  return nth(file.agents, 0)['model'] as Record<string, unknown>;
}

describe('applying a file', () => {
  it('makes all of its content available to synchronous look-ups', async () => {
    const directory = await open();
    const { version, changes } = await directory.apply(exampleFile(), by);
    expect(version).toBe(1);
    expect(changes.filter(({ change }) => change === 'add')).toHaveLength(changes.length);
    const snapshot = directory.snapshot();
    expect(snapshot.version).toBe(1);
    expect(snapshot.institution(broker)).toEqual({
      lei: broker,
      name: 'Example Broker AG',
      country: 'DE',
      leiStatus: 'ISSUED',
    });
    expect(snapshot.federatedPerson('https://idp.broker.example', 'u-1002')?.id).toBe('person:ben.ito');
    expect(snapshot.federatedPerson('https://idp.broker.example', 'u-1003')).toBeUndefined();
    expect(snapshot.federatedPerson('https://idp.other.example', 'u-1002')).toBeUndefined();
    expect(snapshot.principal('agent:vwap-1')).toMatchObject({
      kind: 'agent',
      model: { certifiedBy: 'person:ben.ito', artifactSha256: 'ab'.repeat(32) },
    });
    expect(snapshot.client('broker-oms')).toMatchObject({
      principal: 'service:oms',
      audiences: ['https://venue.example/orders'],
    });
    expect(snapshot.account('BRK/HOUSE-1')).toEqual({
      id: 'BRK/HOUSE-1',
      institution: broker,
      type: 'House',
      custodian,
    });
    expect(snapshot.venue('XEXA')?.operator).toBe(venue);
    expect(snapshot.resource('https://venue.example/orders')?.scopes).toContain('order:approve');
    const ben = snapshot.principal('person:ben.ito');
    const kid = ben?.kind === 'person' ? ben.credentials[0]?.kid : undefined;
    expect(kid).toMatch(/^[\w-]{43}$/);
    expect(snapshot.credential(kid ?? '')?.principal).toBe('person:ben.ito');
    expect([...snapshot.principals()]).toHaveLength(5);
  });

  it('keeps the token format and location of a resource, by default a JWT anywhere', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const orders = 'https://venue.example/orders';
    const said = directory.snapshot().resource(orders);
    expect(said?.tokenFormat).toBe('jwt');
    expect(said).not.toHaveProperty('region');
    const [resource] = exampleFile().resources;
    await directory.apply({ resources: [{ ...resource, token_format: 'opaque', region: 'eu-central' }] }, by);
    expect(directory.snapshot().resource(orders)).toMatchObject({ tokenFormat: 'opaque', region: 'eu-central' });
  });

  it('keeps who alone may exchange a resource’s tokens, also after that principal has left', async () => {
    const directory = await open();
    const file = exampleFile();
    const orders = 'https://venue.example/orders';
    const [resource] = file.resources;
    const gateway = { id: 'service:gateway', institution: venue, roles: [] };
    await directory.apply(
      { ...file, services: [...file.services, gateway], resources: [{ ...resource, may_act: gateway.id }] },
      by,
    );
    expect(directory.snapshot().resource(orders)).toMatchObject({ mayAct: gateway.id });
    // The reference does not delay its departure, and no other principal may exchange the tokens afterwards.
    await directory.edit({ remove: [{ kind: 'service', id: gateway.id }] }, by);
    expect(directory.snapshot().resource(orders)).toMatchObject({ mayAct: gateway.id });
    expect(directory.snapshot().principal(gateway.id)).toBeUndefined();
  });

  it('records the change before it takes effect, with the credentials that approvals rely on', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    expect(records).toHaveLength(1);
    const snapshot = directory.snapshot();
    const ben = snapshot.principal('person:ben.ito');
    const kid = ben?.kind === 'person' ? ben.credentials[0]?.kid : undefined;
    expect(records[0]).toMatchObject({
      type: 'directory.applied',
      source: 'directory',
      outcome: 'done',
      subject: by,
      data: {
        version: 1,
        credentials: [{ kid, principal: 'person:ben.ito' }],
        file_digest: expect.stringMatching(/^[\w-]{43}$/),
      },
    });
    expect(snapshot.recordOf('person:ben.ito')).toBe(records[0]?.id);
    expect(snapshot.recordOf('person:anna.keller')).toBeUndefined();
    expect(JSON.stringify(records)).not.toContain('u-1002');
  });

  it('changes and records nothing when the file was already applied', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const again = await directory.apply(exampleFile(), by);
    expect(again).toEqual({ version: 1, changes: [] });
    expect(records).toHaveLength(1);
  });

  it('reads lists as sets: order does not matter', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const file = exampleFile();
    for (const list of Object.values(file)) list.reverse();
    nth(file.clients, 0)['scopes'] = ['order:read', 'order:create'];
    nth(file.people, 0)['roles'] = ['signatory', 'supervisor'];
    expect(await directory.apply(file, by)).toEqual({ version: 1, changes: [] });
  });

  it('names the changed fields', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const file = exampleFile();
    nth(file.people, 0)['desk'] = 'credit';
    nth(file.people, 0)['roles'] = ['trader', 'auditor'];
    const expected = [{ change: 'change', kind: 'person', id: 'person:anna.keller', fields: ['desk', 'roles'] }];
    expect(await directory.plan(file)).toEqual(expected);
    expect(directory.snapshot().version).toBe(1);
    expect(await directory.apply(file, by)).toEqual({ version: 2, changes: expected });
  });

  it('keeps entities that a file does not mention, and with prune removes them for the institutions in the file', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const part: Partial<ExampleFile> = {
      institutions: [nth(exampleFile().institutions, 0)],
      services: exampleFile().services,
    };
    expect((await directory.apply(part, by)).changes).toEqual([]);
    const { changes } = await directory.apply(part, by, { prune: true });
    expect(changes.map(({ change, id }) => `${change} ${id}`).sort()).toEqual([
      'remove BRK/HOUSE-1',
      'remove agent:vwap-1',
      'remove broker-oms',
      'remove person:anna.keller',
      'remove person:ben.ito',
    ]);
    const snapshot = directory.snapshot();
    expect(snapshot.principal('person:ben.ito')).toBeUndefined();
    expect(snapshot.recordOf('person:ben.ito')).toBeUndefined();
    expect(snapshot.federatedPerson('https://idp.broker.example', 'u-1002')).toBeUndefined();
    // The file did not list the venue's institution, so all its entities stay.
    expect(snapshot.resource('https://venue.example/orders')).toBeDefined();
    expect(records.filter(({ type }) => type === 'directory.applied').at(-1)?.data).toMatchObject({ credentials: [] });
  });

  it('refuses a removal that would leave a dangling reference', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const error = await refusalOf(
      directory.apply({ institutions: [nth(exampleFile().institutions, 1)], venues: exampleFile().venues }, by, {
        prune: true,
      }),
    );
    expect(error.code).toBe('reference_unknown');
    expect(problemsOf(error).map(({ path }) => path)).toEqual(['stored:/client/broker-oms/audiences/0']);
    expect(directory.snapshot().version).toBe(1);
  });

  it('changes nothing when the record cannot be written', async () => {
    const directory = await open();
    log.breakLog(true);
    expect((await refusalOf(directory.apply(exampleFile(), by))).code).toBe('log_unavailable');
    expect(directory.snapshot().version).toBe(0);
    log.breakLog(false);
    const other = await open();
    expect(other.snapshot().institution(broker)).toBeUndefined();
    expect((await directory.apply(exampleFile(), by)).version).toBe(1);
  });

  it('refuses a change planned against an older version', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const file = exampleFile();
    nth(file.people, 0)['desk'] = 'credit';
    expect((await refusalOf(directory.apply(file, by, { expectedVersion: 0 }))).code).toBe(
      'directory_changed_meanwhile',
    );
    expect((await directory.apply(file, by, { expectedVersion: 1 })).version).toBe(2);
  });

  it('serializes concurrent changes on two nodes and loses none', async () => {
    const [one, two] = [await open(), await open()];
    await one.apply(exampleFile(), by);
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 === 0 ? one : two).apply(
          { services: [{ id: `service:s${index}`, institution: broker, roles: [] }] },
          by,
        ),
      ),
    );
    for (const directory of [one, two]) {
      const snapshot = await directory.snapshotAtLeast(13);
      expect(snapshot.version).toBe(13);
      for (let index = 0; index < 12; index++) expect(snapshot.principal(`service:s${index}`)).toBeDefined();
    }
    expect(new Set(records.map(({ data }) => (data as { version: number }).version)).size).toBe(13);
  });

  it('lists every credential in the records when there are too many for one', async () => {
    const directory = await open();
    const people = Array.from({ length: 600 }, (_, index) => ({
      id: `person:approver-${String(index).padStart(4, '0')}`,
      institution: broker,
      roles: ['supervisor'],
      federated: [],
      credentials: [{ use: 'approval', jwk: exampleKeyPair().publicJwk }],
    }));
    await directory.apply({ institutions: [nth(exampleFile().institutions, 0)], people }, by);
    expect(records.length).toBeGreaterThan(1);
    for (const record of records) expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(65_000);
    const listed = records.flatMap((record) =>
      (record.data as { credentials: { principal: string }[] }).credentials.map(({ principal }) => ({
        principal,
        record: record.id,
      })),
    );
    expect(listed).toHaveLength(600);
    const snapshot = directory.snapshot();
    for (const { principal, record } of listed) expect(snapshot.recordOf(principal)).toBe(record);
    expect(records[0]?.data).toMatchObject({
      part: 1,
      parts: records.length,
      change_counts: { add: 601, change: 0, remove: 0 },
    });
    const restarted = await open();
    for (const { principal, record } of listed) expect(restarted.snapshot().recordOf(principal)).toBe(record);
  });
});

describe('the seed', () => {
  it('exists from the start, as version 0, and is not stored', async () => {
    const directory = await open();
    expect(directory.snapshot().version).toBe(0);
    expect(directory.snapshot().institution(operator)).toBeDefined();
    const without = await open({ seed: {} });
    expect(without.snapshot().institution(operator)).toBeUndefined();
  });

  it('cannot be changed or removed by a file, and an attempt is recorded', async () => {
    const directory = await open();
    const seedInstitution = exampleSeed().institutions[0];
    expect((await directory.apply({ institutions: [seedInstitution] }, by, { prune: true })).changes).toEqual([]);
    const error = await refusalOf(
      directory.apply({ institutions: [{ ...seedInstitution, name: 'Someone else' }] }, by),
    );
    expect(error.code).toBe('seed_protected');
    expect(records).toMatchObject([{ type: 'access.refused', outcome: 'deny', reason: 'seed_protected', subject: by }]);
    expect(directory.snapshot().principal('service:operator')).toBeDefined();
  });

  it('is checked like any file', async () => {
    expect((await refusalOf(open({ seed: { institutions: [{ lei: 'X', name: 'A', country: 'DE' }] } }))).code).toBe(
      'lei_malformed',
    );
  });
});

describe('an invalid file', () => {
  type Spoil = (file: ExampleFile) => void;
  const cases: readonly (readonly [string, string, string, Spoil])[] = [
    [
      'an LEI with a typing error',
      'lei_check_digits',
      '/institutions/0/lei',
      (file) => set(nth(file.institutions, 0), 'lei', `${broker.slice(0, 18)}${broker.endsWith('50') ? '51' : '50'}`),
    ],
    [
      'an LEI of another shape',
      'lei_malformed',
      '/accounts/0/custodian',
      (file) => set(nth(file.accounts, 0), 'custodian', 'not-an-lei'),
    ],
    ['a MIC in small letters', 'mic_malformed', '/venues/0/mic', (file) => set(nth(file.venues, 0), 'mic', 'xexa')],
    [
      'a country that does not exist',
      'country_unknown',
      '/institutions/1/country',
      (file) => set(nth(file.institutions, 1), 'country', 'XX'),
    ],
    [
      'an unknown institution',
      'reference_unknown',
      '/people/0/institution',
      (file) => set(nth(file.people, 0), 'institution', exampleLei('529900NOBODY')),
    ],
    [
      'an unknown custodian',
      'reference_unknown',
      '/accounts/0/custodian',
      (file) => set(nth(file.accounts, 0), 'custodian', exampleLei('529900NOBODY')),
    ],
    [
      'an unknown venue operator',
      'reference_unknown',
      '/venues/0/operator',
      (file) => set(nth(file.venues, 0), 'operator', exampleLei('529900NOBODY')),
    ],
    [
      'an unknown client principal',
      'reference_unknown',
      '/clients/0/principal',
      (file) => set(nth(file.clients, 0), 'principal', 'service:nobody'),
    ],
    [
      'an unknown audience',
      'reference_unknown',
      '/clients/0/audiences/0',
      (file) => set(nth(file.clients, 0), 'audiences', ['https://venue.example/nowhere']),
    ],
    [
      'an unknown certifier',
      'reference_unknown',
      '/agents/0/model/certified_by',
      (file) => set(modelOf(file), 'certified_by', 'person:nobody'),
    ],
    [
      'a developer who certifies',
      'self_certification',
      '/agents/0/model/certified_by',
      (file) => set(modelOf(file), 'certified_by', 'person:anna.keller'),
    ],
    [
      'an agent that certifies itself',
      'self_certification',
      '/agents/0/model/certified_by',
      (file) => set(modelOf(file), 'certified_by', 'agent:vwap-1'),
    ],
    [
      'a scope outside the vocabulary',
      'scope_unknown',
      '/clients/0/scopes/1',
      (file) => set(nth(file.clients, 0), 'scopes', ['order:create', 'order:dance']),
    ],
    [
      'two scopes in one text',
      'scope_unknown',
      '/clients/0/scopes/0',
      (file) => set(nth(file.clients, 0), 'scopes', ['order:create order:read']),
    ],
    [
      'a generic scope',
      'scope_generic',
      '/resources/0/scopes/0',
      (file) => set(nth(file.resources, 0), 'scopes', ['full_trade_access']),
    ],
    [
      'a token format that does not exist',
      'directory_file_invalid',
      '/resources/0/token_format',
      (file) => set(nth(file.resources, 0), 'token_format', 'reference'),
    ],
    [
      'a resource whose tokens somebody unknown may exchange',
      'reference_unknown',
      '/resources/0/may_act',
      (file) => set(nth(file.resources, 0), 'may_act', 'service:nobody'),
    ],
    [
      'a resource whose tokens another firm may exchange',
      'directory_file_invalid',
      '/resources/0/may_act',
      (file) => set(nth(file.resources, 0), 'may_act', 'service:oms'),
    ],
    [
      'a resource whose tokens a person may exchange',
      'directory_file_invalid',
      '/resources/0/may_act',
      (file) => set(nth(file.resources, 0), 'may_act', 'person:anna.keller'),
    ],
    [
      'a region that is a sentence',
      'directory_file_invalid',
      '/resources/0/region',
      (file) => set(nth(file.resources, 0), 'region', 'Somewhere in Europe'),
    ],
    [
      'a client that creates and approves',
      'scope_duties_combined',
      '/clients/0/scopes',
      (file) => set(nth(file.clients, 0), 'scopes', ['order:create', 'order:approve']),
    ],
    [
      'a person as a client',
      'client_principal_unsuitable',
      '/clients/0/principal',
      (file) => set(nth(file.clients, 0), 'principal', 'person:anna.keller'),
    ],
    [
      'a client of another institution than its principal',
      'client_principal_unsuitable',
      '/clients/0/principal',
      (file) => set(nth(file.services, 0), 'institution', venue),
    ],
    [
      'two clients for one principal',
      'principal_shared',
      '/clients/1/principal',
      (file) =>
        void file.clients.push({
          ...nth(file.clients, 0),
          id: 'second',
          jwks: { keys: [exampleKeyPair('x').publicJwk] },
        }),
    ],
    [
      'a key held by two people',
      'credential_shared',
      '/people/1/credentials/0',
      (file) => set(nth(file.people, 0), 'credentials', nth(file.people, 1)['credentials']),
    ],
    [
      'a key used by two clients',
      'credential_shared',
      '/clients/1/jwks/keys/0',
      (file) => {
        file.services.push({ id: 'service:two', institution: broker, roles: [] });
        file.clients.push({ ...nth(file.clients, 0), id: 'second', principal: 'service:two' });
      },
    ],
    [
      "a person's approval key used by a client",
      'credential_shared',
      '/clients/0/jwks/keys/0',
      (file) => {
        const [credential] = nth(file.people, 1)['credentials'] as { jwk: Record<string, string> }[];
        nth(file.clients, 0)['jwks'] = { keys: [{ ...credential?.jwk, kid: 'another-name' }] };
      },
    ],
    [
      'one subject for two people',
      'federated_identity_shared',
      '/people/1/federated/0',
      (file) => set(nth(file.people, 1), 'federated', nth(file.people, 0)['federated']),
    ],
    [
      'a private key of a client',
      'private_key_in_file',
      '/clients/0/jwks/keys/0',
      (file) => set(nth(file.clients, 0), 'jwks', { keys: [exampleKeyPair('a').privateJwk] }),
    ],
    [
      'a private key of a person',
      'private_key_in_file',
      '/people/1/credentials/0/jwk',
      (file) => set(nth(file.people, 1), 'credentials', [{ use: 'approval', jwk: exampleKeyPair().privateJwk }]),
    ],
    [
      'a shared secret',
      'private_key_in_file',
      '/clients/0/jwks/keys/0',
      (file) => set(nth(file.clients, 0), 'jwks', { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 's' }] }),
    ],
    [
      'a key that is not on its curve',
      'key_unusable',
      '/clients/0/jwks/keys/0',
      (file) =>
        set(nth(file.clients, 0), 'jwks', {
          keys: [{ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), kid: 'z' }],
        }),
    ],
    [
      'a client key without a name',
      'key_unusable',
      '/clients/0/jwks/keys/0/kid',
      (file) => set(nth(file.clients, 0), 'jwks', { keys: [exampleKeyPair().publicJwk] }),
    ],
    [
      'a credential under a false name',
      'key_unusable',
      '/people/1/credentials/0/jwk/kid',
      (file) => set(nth(file.people, 1), 'credentials', [{ use: 'approval', jwk: exampleKeyPair('mine').publicJwk }]),
    ],
    ['an unknown list', 'directory_file_invalid', '/peoples', (file) => set(file, 'peoples', [])],
    ['an unknown key', 'directory_file_invalid', '/people/0/admin', (file) => set(nth(file.people, 0), 'admin', true)],
    [
      'a principal in the wrong list',
      'directory_file_invalid',
      '/people/0/id',
      (file) => set(nth(file.people, 0), 'id', 'service:anna.keller'),
    ],
    ['an id used twice', 'id_duplicate', '/venues/1', (file) => void file.venues.push({ ...nth(file.venues, 0) })],
    [
      'a day that does not exist',
      'directory_file_invalid',
      '/venues/0/expiry_date',
      (file) => set(nth(file.venues, 0), 'expiry_date', '2027-02-30'),
    ],
    [
      'a name that the database cannot hold',
      'directory_file_invalid',
      '/institutions/0/name',
      (file) => set(nth(file.institutions, 0), 'name', 'A\u0000B'),
    ],
    [
      'a name that is not text',
      'directory_file_invalid',
      '/institutions/0/name',
      (file) => set(nth(file.institutions, 0), 'name', 'A\ud800B'),
    ],
    ['a list that is an object', 'directory_file_invalid', '/people', (file) => set(file, 'people', {})],
  ];

  it.each(cases)('is refused for %s', async (_name, code, path, spoil) => {
    const directory = await open();
    const file = exampleFile();
    spoil(file);
    const error = await refusalOf(directory.apply(file, by));
    expect(problemsOf(error)).toContainEqual(expect.objectContaining({ code, path }));
    expect(directory.snapshot().version).toBe(0);
    expect((await refusalOf(directory.plan(file))).code).toBe(error.code);
  });

  it('is answered with all problems at once, under their common code or a general one', async () => {
    const directory = await open();
    const file = exampleFile();
    nth(file.institutions, 0)['country'] = 'XX';
    nth(file.venues, 0)['country'] = 'YY';
    const same = await refusalOf(directory.plan(file));
    expect(same.code).toBe('country_unknown');
    expect(problemsOf(same)).toHaveLength(2);
    nth(file.venues, 0)['mic'] = '?';
    nth(file.people, 0)['roles'] = 'trader';
    const mixed = await refusalOf(directory.plan(file));
    expect(mixed.code).toBe('directory_file_invalid');
    expect(
      problemsOf(mixed)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/institutions/0/country', '/people/0/roles', '/venues/0/country', '/venues/0/mic']);
  });

  it('is checked against the stored entities as against its own', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const [, ben] = exampleFile().people;
    const error = await refusalOf(directory.apply({ people: [{ ...ben, id: 'person:mallory' }] }, by));
    expect(problemsOf(error).map(({ code, path }) => `${code} ${path}`)).toEqual([
      'credential_shared /people/0/credentials/0',
      'federated_identity_shared /people/0/federated/0',
    ]);
    expect(directory.snapshot().federatedPerson('https://idp.broker.example', 'u-1002')?.id).toBe('person:ben.ito');
  });

  it('is recorded when it asks for something that is never granted', async () => {
    const directory = await open();
    const file = exampleFile();
    nth(file.people, 1)['federated'] = nth(file.people, 0)['federated'];
    await refusalOf(directory.apply(file, by));
    expect(records).toMatchObject([{ type: 'access.refused', outcome: 'deny', reason: 'federated_identity_shared' }]);
  });

  it('always fails with a coded error, whatever it holds', async () => {
    const directory = await open();
    const lists = Object.keys(exampleFile());
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.constantFrom(...lists, '__proto__', 'x'),
          fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(fc.string(), fc.jsonValue()))),
        ),
        async (file) => {
          const error: unknown = await directory.plan(file).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          expect(error === undefined || error instanceof CodedError).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
    for (const input of [null, undefined, 1, 'x', []])
      expect((await refusalOf(directory.plan(input))).code).toBe('directory_file_invalid');
  });
});

describe('two nodes on one database', () => {
  it('see each other’s changes by notification', async () => {
    const [one, two] = [await open({ pollMs: 3_600_000 }), await open({ pollMs: 3_600_000 })];
    const { version } = await one.apply(exampleFile(), by);
    await expect.poll(() => two.snapshot().version, { timeout: 60_000 }).toBe(version);
    // Order must also be the same, because decisions are replayed from it.
    expect([...two.snapshot().principals()]).toEqual([...one.snapshot().principals()]);
    expect(two.snapshot().client('broker-oms')).toEqual(one.snapshot().client('broker-oms'));
    expect(two.snapshot().recordOf('person:ben.ito')).toBe(records[0]?.id);
  });

  it('find an unannounced change by polling', async () => {
    const proxy = await createFaultyProxy({ target: scratch.connection });
    const distant = { ...scratch.database, connection: proxy.through(scratch.connection) };
    const deaf = await open({ access: accessTo(distant), pollMs: 20 });
    await proxy.refuse();
    const { version } = await (await open()).apply(exampleFile(), by);
    await expect.poll(() => deaf.snapshot().version, { timeout: 60_000 }).toBe(version);
    await proxy.close();
  });

  it('answer a request for a version at once when it is in the database', async () => {
    const [one, two] = [await open(), await open({ pollMs: 3_600_000 })];
    const { version } = await one.apply(exampleFile(), by);
    expect((await two.snapshotAtLeast(version)).institution(broker)).toBeDefined();
  });

  it('refuse a version that does not arrive', async () => {
    const directory = await open({ waitMs: 100 });
    expect((await refusalOf(directory.snapshotAtLeast(1))).code).toBe('directory_behind');
  });

  it('never change a snapshot that they returned', async () => {
    const directory = await open();
    const before = directory.snapshot();
    await directory.apply(exampleFile(), by);
    expect(before.version).toBe(0);
    expect(before.institution(broker)).toBeUndefined();
  });
});

describe('a network failure', () => {
  it('delays a change until the subscription is restored, and no longer', async () => {
    const proxy = await createFaultyProxy({ target: scratch.connection });
    const distant = { ...scratch.database, connection: proxy.through(scratch.connection) };
    const far = await open({ access: accessTo(distant), pollMs: 3_600_000 });
    await proxy.refuse();
    const { version } = await (await open()).apply(exampleFile(), by);
    expect(far.snapshot().version).toBe(0);
    await proxy.restore();
    await expect.poll(() => far.snapshot().version, { timeout: 60_000 }).toBe(version);
    await proxy.close();
  });

  it('in the middle of a change leaves the directory unchanged, and the change can be repeated', async () => {
    const proxy = await createFaultyProxy({ target: scratch.connection });
    const distant = { ...scratch.database, connection: proxy.through(scratch.connection) };
    const pool = componentPool({ ...accessTo(distant), statementTimeoutMs: 5_000 });
    const far = await open({
      pool,
      audit: {
        ...log.audit,
        append: async (record) => {
          if (records.length === 0) proxy.cut();
          return log.audit.append(record);
        },
      },
    });
    expect((await refusalOf(far.apply(exampleFile(), by))).code).toBe('database_unavailable');
    expect(far.snapshot().version).toBe(0);
    expect((await open()).snapshot().version).toBe(0);
    expect((await far.apply(exampleFile(), by)).version).toBe(1);
    await pool.end();
    await proxy.close();
  });
});

describe('the names of people', () => {
  it('are given to relying parties that ask for them, and are in no record, list, change or document', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    const from = records.length;
    const file = exampleFile();
    Object.assign(nth(file.people, 0), { name: 'Anna Keller', email: 'anna.keller@broker.example' });
    const { changes } = await directory.apply(file, by);
    const anna = String(nth(file.people, 0)['id']);
    expect(changes).toMatchObject([{ change: 'change', kind: 'person', id: anna, fields: ['email', 'name'] }]);
    const snapshot = directory.snapshot();
    expect(snapshot.personalClaims(anna)).toEqual({ name: 'Anna Keller', email: 'anna.keller@broker.example' });
    const shown = [snapshot.principal(anna), [...snapshot.principals()], directory.document('person', anna)];
    const renamed = exampleFile();
    Object.assign(nth(renamed.people, 0), { name: 'Anna Brunner', email: 'anna.brunner@broker.example' });
    const planned = await directory.plan(renamed);
    expect(JSON.stringify([shown, changes, planned, records.slice(from)])).not.toMatch(
      /Keller|Brunner|anna\.(?:keller|brunner)@/,
    );
    // Look-ups reveal nothing about inactive people.
    Object.assign(nth(file.people, 0), { active: false });
    await directory.apply(file, by);
    expect(directory.snapshot().personalClaims(anna)).toBeUndefined();
  });

  it.each([
    ['a name with an invisible character', { name: 'Anna\u200bKeller' }, '/people/0/name'],
    ['an empty name', { name: '' }, '/people/0/name'],
    ['an address without a host', { email: 'anna@' }, '/people/0/email'],
    ['two addresses', { email: 'a@b.example,c@d.example' }, '/people/0/email'],
    ['an address with a header in it', { email: 'a@b.example\nBcc:c@d.example' }, '/people/0/email'],
  ])('cannot include %s', async (_what, members, path) => {
    const directory = await open();
    const file = exampleFile();
    Object.assign(nth(file.people, 0), members);
    await expect(directory.apply(file, by)).rejects.toMatchObject({
      facts: { problems: [expect.objectContaining({ path })] },
    });
  });
});

describe('a document', () => {
  it('is served as a file would write it, without the names used by identity providers', async () => {
    const directory = await open();
    await directory.apply(exampleFile(), by);
    expect(directory.document('venue', 'XEXA')).toEqual({ mic: 'XEXA', operator: venue, country: 'GB' });
    expect(directory.document('person', 'person:anna.keller')).not.toHaveProperty('federated');
    expect(directory.document('__proto__', 'x')).toBeUndefined();
    expect(directory.document('person', 'constructor')).toBeUndefined();
  });
});
