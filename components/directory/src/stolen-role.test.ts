import type { Actor, DirectoryEdit } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { createFaultyProxy } from '@countersign/testkit';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from './index.ts';
import { createScimRig, newUser, principalUrn } from './scim/testing/scim-rig.ts';
import { fileWithServices, tradingDesk } from './testing/example-clients.ts';
import { broker, exampleKeyPair, operator, venue } from './testing/example-file.ts';
import { approver, createRig, proposer, type Rig, refusalOf } from './testing/rig.ts';

/** The attacker has a connection with this component's database role and nothing else. */
describe('a thief with the database role of the directory', () => {
  let rig: Rig;
  let directory: DirectoryComponent;
  let thief: pg.Pool;

  beforeEach(async () => {
    rig = await createRig();
    thief = rig.scratch.pool('directory');
    directory = await rig.open({ pollMs: 20 });
    await directory.apply(fileWithServices(), proposer);
  });
  afterEach(() => rig.close());

  const unproven = expect.objectContaining({ code: 'authority_unproven' });
  /** Announced as a change would be, so that every node reads it. */
  const announce = () => thief.query('update directory_state set version = version + 1');
  const contradictions = () =>
    rig.log.filter(({ type }) => type === 'row.rejected').map(({ data }) => (data as { of: string }).of);

  /** Neither a running node nor a new one adopts the stored state. */
  async function expectRejected(): Promise<void> {
    await expect.poll(contradictions, { timeout: 60_000 }).toContain('directory');
    await expect(rig.open()).rejects.toEqual(unproven);
  }

  it('cannot give their own client a scope or a place in the graph', async () => {
    const version = directory.snapshot().version;
    const client = {
      ...tradingDesk(),
      id: 'backdoor',
      institution: operator,
      principal: 'service:backdoor',
      kind: 'machine',
      grant_types: ['client_credentials'],
      scopes: ['policy:approve', 'audit:read'],
    };
    await thief.query(
      `insert into entities (kind, id, institution, version, document)
       values ('service', 'service:backdoor', $1, 2, $2), ('client', 'backdoor', $1, 2, $3)`,
      [operator, { id: 'service:backdoor', institution: operator, roles: [] }, client],
    );
    await announce();
    await expectRejected();
    expect(directory.snapshot().version).toBe(version);
    expect(directory.snapshot().client('backdoor')).toBeUndefined();
    // A change does not adopt it either, and the contradiction is recorded once.
    await expect(directory.edit({ remove: [{ kind: 'client', id: 'broker-oms' }] }, proposer)).rejects.toEqual(
      unproven,
    );
    expect(rig.log.filter(({ type }) => type === 'row.rejected')).toHaveLength(2);
    expect(rig.log.at(-1)).toMatchObject({ source: 'directory', outcome: 'deny', data: { of: 'directory' } });
  });

  it.each<readonly [string, string, readonly unknown[]]>([
    [
      'gives a person a key',
      `update entities set document = jsonb_set(document, '{credentials}', $1), version = 2 where id = 'person:anna.keller'`,
      [JSON.stringify([{ use: 'approval', jwk: exampleKeyPair().publicJwk }])],
    ],
    [
      'gives a person a role',
      `update entities set document = jsonb_set(document, '{roles}', '["supervisor"]'), version = 2 where id = 'person:anna.keller'`,
      [],
    ],
    [
      'has somebody sign in as another',
      `update entities set document = jsonb_set(document, '{federated,0,subject}', '"mallory"'), version = 2 where id = 'person:ben.ito'`,
      [],
    ],
    [
      'gives a client a key',
      `update entities set document = jsonb_set(document, '{jwks,keys}', $1), version = 2 where id = 'broker-oms'`,
      [JSON.stringify([exampleKeyPair('mine').publicJwk])],
    ],
    [
      'certifies an algorithm anew',
      `update entities set document = jsonb_set(document, '{model,artifact_sha256}', $1), version = 2 where id = 'agent:vwap-1'`,
      [JSON.stringify('cd'.repeat(32))],
    ],
    [
      'says something else of an institution',
      `update entities set document = document || '{"country": "US"}', version = 2 where id = $1`,
      [venue],
    ],
    ['deletes a person', `delete from entities where id = 'person:ben.ito'`, []],
    [
      'says that another record lists the keys',
      `update entities set record_id = $1 where id = 'person:ben.ito'`,
      ['rec_x'],
    ],
    ['changes nothing but the version', 'update directory_state set version = version', []],
  ])('%s without effect, whether the change is announced or not', async (_, sql, values) => {
    const before = directory.snapshot();
    await thief.query(sql, [...values]);
    // A running node does not read an unannounced version; a starting node does.
    if (!sql.startsWith('update directory_state')) await expect(rig.open()).rejects.toEqual(unproven);
    await announce();
    await expectRejected();
    expect(directory.snapshot()).toBe(before);
  });

  it('cannot bring back a leaver, nor undo an earlier change, with every row restored', async () => {
    const { rows: entities } = await thief.query('select * from entities');
    const { rows: state } = await thief.query('select version from directory_state');
    await directory.leave('person:anna.keller', proposer, 'left');
    const version = directory.snapshot().version;
    await thief.query('delete from entities');
    await thief.query('insert into entities select * from jsonb_populate_recordset(null::entities, $1)', [
      JSON.stringify(entities),
    ]);
    await thief.query('delete from retired_ids');
    await thief.query('delete from departures');
    await thief.query('update directory_state set version = $1', [state[0]?.version]);
    await expectRejected();
    expect(directory.snapshot().version).toBe(version);
    expect(directory.snapshot().principal('person:anna.keller')).toBeUndefined();
  });

  it('cannot make a lagging node rely on old data: it decides nothing until it can read what the log says', async () => {
    const proxy = await createFaultyProxy({ target: rig.scratch.connection });
    const [component] = rig.scratch.components;
    if (component === undefined) throw new Error('no component');
    const distant = { ...rig.scratch.database, connection: proxy.through(rig.scratch.connection) };
    const behind = await rig.open({
      pollMs: 3_600_000,
      access: { database: distant, role: component.role, schema: component.schema, applicationName: 'behind' },
    });
    await proxy.refuse();
    const { version } = behind.snapshot();
    const anna = { id: 'person:anna.keller', institution: broker, federated: [], credentials: [] };
    await directory.edit({ put: { people: [{ ...anna, roles: ['auditor'] }] } }, proposer);
    const { rows } = await thief.query('select document from entities where id = $1', [anna.id]);
    await thief.query(
      `update entities set document = jsonb_set(document, '{roles}', '["trader", "supervisor"]') where id = $1`,
      [anna.id],
    );
    await thief.query('update directory_state set version = $1', [version]);
    await expect(behind.snapshotAtLeast(version + 1)).rejects.toEqual(unproven);
    expect(() => behind.snapshot()).toThrow(unproven);
    // After the restoration it counts again.
    await thief.query('update entities set document = $2 where id = $1', [anna.id, rows[0]?.document]);
    await thief.query('update directory_state set version = $1', [version + 1]);
    expect((await behind.snapshotAtLeast(version + 1)).principal(anna.id)?.roles).toEqual(['auditor']);
    expect(behind.snapshot().version).toBe(version + 1);
    await proxy.close();
  });

  it('cannot have anything adopted by an empty directory', async () => {
    const other = await createRig();
    try {
      const role = other.scratch.pool('directory');
      await role.query(
        `insert into entities (kind, id, institution, version, document) values ('service', 'service:backdoor', $1, 1, $2)`,
        [operator, { id: 'service:backdoor', institution: operator, roles: ['operator'] }],
      );
      await expect(other.open()).rejects.toEqual(unproven);
      await role.query('update directory_state set version = 1');
      await expect(other.open()).rejects.toEqual(unproven);
      await role.query('delete from entities');
      await expect(other.open()).rejects.toEqual(unproven);
      await role.query('update directory_state set version = 0');
      expect((await other.open()).snapshot().version).toBe(0);
    } finally {
      await other.close();
    }
  });

  it('cannot have a person of one institution changed by the system of another', async () => {
    const scim = await createScimRig();
    try {
      const { id } = await scim.client.send('POST', '/Users', newUser('eve'));
      await scim.scratch
        .pool('directory')
        .query(`update entities set institution = $1 where id = 'person:eve'`, [venue]);
      const ofVenue = scim.clientOf(`DPoP service:venue-hr ${venue} identity:read identity:provision`);
      expect((await ofVenue.get(`/Users/${id}`)).status).toBe(404);
      const patch = {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: `${principalUrn}:desk`, value: 'credit' }],
      };
      expect((await ofVenue.send('PATCH', `/Users/${id}`, patch)).status).toBe(404);
    } finally {
      await scim.close();
    }
  });

  describe('attacking changes that wait for a second person', () => {
    const edit: DirectoryEdit = { put: { clients: [tradingDesk()] } };
    const second: Actor = { id: 'person:second.hand', institution: operator };
    const propose = () => directory.propose({ edit }, proposer, 'go-live of the desk');

    it('cannot propose in the name of another', async () => {
      const real = await propose();
      const invented = 'chg_00000000000000000000000000';
      await thief.query(
        `insert into change_requests select $1, status, 'person:ben.ito', decided_by, proposed_at, expires_at, reason, changes, basis,
           digest, proposal, record_id, through, scope, change_record from change_requests where id = $2`,
        [invented, real.id],
      );
      expect((await directory.changeRequests()).map(({ id }) => id)).toEqual([real.id]);
      await expect(directory.approve(invented as typeof real.id, real.digest, approver)).rejects.toEqual(unproven);
      await expect(directory.changeRequest(invented as typeof real.id)).rejects.toEqual(unproven);
      expect(contradictions()).toContain(`directory-change:${invented}`);
    });

    it.each([
      ['is not the first person in the place of another', `proposed_by = 'person:ben.ito'`],
      ['keeps none open for longer', `expires_at = expires_at + interval '10 years'`],
      ['has nobody proposed it through another', `through = '{person:ben.ito}'`],
      ['has none made by another right', `scope = 'compliance:record'`],
      ['gives none another reason', `reason = 'routine'`],
      ['shows no other changes than were proposed', `changes = '[]'`],
      ['moves none to another state of the directory', `basis = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'`],
    ])('%s', async (_, change) => {
      const { id, digest } = await propose();
      await thief.query(`update change_requests set ${change} where id = $1`, [id]);
      // Otherwise the first person could act as their own second.
      for (const by of [proposer, approver]) await expect(directory.approve(id, digest, by)).rejects.toEqual(unproven);
      expect(await directory.changeRequests()).toEqual([]);
      expect(directory.snapshot().client('broker-desk')).toBeUndefined();
    });

    it('cannot have anything but the proposal approved', async () => {
      const { id, digest } = await propose();
      const other: DirectoryEdit = { put: { clients: [{ ...tradingDesk(), scopes: ['order:approve'] }] } };
      await thief.query('update change_requests set proposal = $2 where id = $1', [id, { edit: other }]);
      expect((await refusalOf(directory.approve(id, digest, approver))).code).toBe('directory_changed_meanwhile');
      await thief.query('update change_requests set proposal = $2, digest = $3 where id = $1', [
        id,
        { edit: other },
        digestOf({ edit: other }),
      ]);
      await expect(directory.approve(id, digestOf({ edit: other }), approver)).rejects.toEqual(unproven);
    });

    it('cannot have a rejected change approved, nor one approved twice', async () => {
      const [rejected, approved] = [await propose(), await propose()];
      const { rows } = await thief.query('select id, proposal from change_requests');
      await directory.reject(rejected.id, second, 'not now');
      await directory.approve(approved.id, approved.digest, approver);
      await directory.apply({ services: [{ id: 'service:other', institution: broker, roles: [] }] }, proposer);
      const insertValue = (members: string) =>
        Promise.all(
          rows.map(({ id, proposal }) =>
            thief.query(
              `update change_requests set status = 'proposed', decided_by = null, proposal = $2 ${members} where id = $1`,
              [id, proposal],
            ),
          ),
        );
      await insertValue('');
      for (const { id, digest } of [rejected, approved])
        await expect(directory.approve(id, digest, second)).rejects.toEqual(unproven);
      expect(await directory.changeRequests()).toEqual([]);
      // The complete former row with its former record; the newest record contradicts it.
      await insertValue(', change_record = record_id');
      for (const { id, digest } of [rejected, approved])
        expect((await refusalOf(directory.approve(id, digest, second))).code).toBe('change_decided');
      expect((await directory.changeRequests()).map(({ status }) => status).toSorted()).toEqual([
        'approved',
        'rejected',
      ]);
      expect(directory.snapshot().version).toBe(3);
    });

    it('cannot block the directory with the outcome of an interrupted approval', async () => {
      await directory.stop();
      const node = await rig.open({ pollMs: 3_600_000 });
      const { id, digest } = await propose();
      const dying = await rig.open({ audit: rig.dyingAfter('directory.change-approved'), pollMs: 3_600_000 });
      await expect(dying.approve(id, digest, approver)).rejects.toThrow('the process died');
      await thief.query('delete from change_requests');
      await node.apply({ services: [{ id: 'service:other', institution: broker, roles: [] }] }, proposer);
      expect(node.snapshot().client('broker-desk')).toBeUndefined();
      expect(rig.records.filter(({ type }) => type === 'directory.change-rejected')).toMatchObject([
        { outcome: 'deny', reason: 'directory_changed_meanwhile', subject: approver, data: { change_request: id } },
      ]);
    });
  });

  it('cannot end anybody’s holdings by a departure that nobody made', async () => {
    await directory.stop();
    const ended: string[] = [];
    const node = await rig.open({
      departureEffects: () => [{ name: 'tokens', end: async ({ principal }) => ({ ended: ended.push(principal) }) }],
    });
    await node.leave('person:anna.keller', proposer, 'left');
    expect(ended).toEqual(['person:anna.keller']);
    await thief.query(
      `insert into departures (id, kind, principal, started_at, started_by, reason, record_id, completion_record, institution, next_attempt)
       select 'dep_00000000000000000000000000', kind, 'person:ben.ito', started_at, started_by, reason, record_id, completion_record,
         institution, started_at from departures`,
    );
    await thief.query(
      `insert into departure_effects (departure, position, name) values ('dep_00000000000000000000000000', 1, 'tokens')`,
    );
    await node.carryDepartures();
    expect(ended).toEqual(['person:anna.keller']);
    expect(contradictions()).toEqual(['departure:dep_00000000000000000000000000']);
  });
});
