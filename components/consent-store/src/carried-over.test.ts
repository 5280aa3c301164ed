import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mandate } from '@countersign/contracts';
import { digestOf, type MandateId, type RecordId, toInstant } from '@countersign/kernel';
import { migrate } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consentStoreMigrations, verifyMandateVersions } from './index.ts';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, clearer, constraints, fund, rootProposal, termsHash } from './testing/firms.ts';
import { byBroker, byClearer, byFund, newKey, permittedUse } from './testing/given-mandates.ts';

// Mandates of an earlier release, carried over by the migration.

const earlierFiles = ['0001_mandates.sql', '0002_grants.sql', '0003_signing_keys.sql'];
const folder = mkdtempSync(join(tmpdir(), 'mandates-'));
const idOf = (number: number) => `mnd_${String(number).padStart(26, '0')}` as MandateId;
const recordOf = (number: number, version: number) =>
  `rec_${String(number * 10 + version).padStart(26, '0')}` as RecordId;

let world: ConsentWorld;
const [root, child, ended, proposed] = [idOf(1), idOf(2), idOf(3), idOf(4)];

/** As the earlier release wrote them: without consents, digest of the parent, and signature. */
function versionsOf(number: number, statuses: readonly Mandate['status'][], terms: object): Mandate[] {
  const versions: Mandate[] = [];
  statuses.forEach((status, index) => {
    const before = versions.at(-1);
    const version = {
      id: idOf(number),
      version: index + 1,
      kind: 'mandate',
      status,
      ...rootProposal(),
      ...terms,
      effectiveFrom: '2026-01-01T00:00:00.000Z',
      recordedAt: toInstant(Date.parse('2026-02-01T00:00:00Z') + index),
      recordId: recordOf(number, index + 1),
      ...(before === undefined ? {} : { previousDigest: before.digest }),
    };
    versions.push({ ...version, digest: digestOf(version) } as unknown as Mandate);
  });
  return versions;
}

const kept = [
  ...versionsOf(1, ['proposed', 'active'], {}),
  ...versionsOf(2, ['proposed', 'active'], {
    grantor: { lei: broker, role: 'ExecutingBroker' },
    grantee: { lei: clearer, role: 'ClearingFirm' },
    parent: { id: root, version: 2 },
    constraints: { ...constraints, actions: ['settlement:instruct'], delegationDepth: 1 },
    effectiveUntil: '2026-06-16T00:00:00.000Z',
  }),
  ...versionsOf(3, ['proposed', 'active', 'revoked'], {}),
  ...versionsOf(4, ['proposed'], {}),
];

beforeAll(async () => {
  for (const file of earlierFiles)
    cpSync(join(fileURLToPath(consentStoreMigrations.migrationsFolder), file), join(folder, file));
  const scratch = await createTestDatabase({ components: [{ ...consentStoreMigrations, migrationsFolder: folder }] });
  const pool = scratch.pool('consent-store');
  for (const [index, mandate] of kept.entries()) {
    const { id, version, digest, recordId, recordedAt, grantor, grantee, parent } = mandate;
    await pool.query(
      'insert into mandate_versions (id, version, document, digest, record_id, recorded_at) values ($1, $2, $3, $4, $5, $6)',
      [id, version, JSON.stringify(mandate), digest, recordId, recordedAt],
    );
    await pool.query(
      `insert into mandates (id, version, grantor_lei, grantee_lei, parent_id, change) values ($1, $2, $3, $4, $5, $6)
       on conflict (id) do update set version = excluded.version, change = excluded.change`,
      [id, version, grantor.lei, grantee.lei, parent?.id ?? null, index + 1],
    );
  }
  await pool.query('update changes set newest = $1', [kept.length]);
  const { grantor, grantee, termsHash: hash, constraints: limits, legalBasis, effectiveUntil } = rootProposal();
  const body = {
    ...{ grantor, grantee, constraints: limits, legalBasis, termsHash: hash },
    effectiveFrom: '2026-01-01T00:00:00.000Z',
    effectiveUntil: toInstant(Date.parse(effectiveUntil)),
  };
  await pool.query(
    `insert into proposals (grantor_lei, idempotency_key, body_digest, mandate_id) values ($1, 'key-of-before', $2, $3)`,
    [fund, digestOf(body), root],
  );
  const components = scratch.components.map((component) => ({
    ...component,
    migrationsFolder: consentStoreMigrations.migrationsFolder,
  }));
  await migrate({ database: scratch.database, components });
  world = await createConsentWorld({ scratch });
  for (const mandate of kept)
    await world.audit.append({
      ...{ id: mandate.recordId, type: 'mandate.accepted', source: 'test', outcome: 'done' },
      standing: [{ of: `mandate:${mandate.id}`, digest: mandate.digest }],
    });
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

function ask(mandate: MandateId, actingFor: typeof broker) {
  const at = world.clock.now();
  return world.store.check({ mandate, actingFor, use: permittedUse(at), at });
}

describe('mandates of an earlier release', () => {
  it('are in force as before, in their chains', async () => {
    expect(await ask(root, broker)).toMatchObject({ valid: true, mandate: { consents: [] } });
    expect(await ask(child, clearer)).toMatchObject({ valid: true, chain: [{ id: child }, { id: root }] });
    expect(await ask(root, clearer)).toMatchObject({ valid: true });
    expect(await ask(ended, broker)).toMatchObject({ reason: 'mandate_revoked' });
    expect(await world.store.withDescendants(root)).toEqual([root, child]);
  });

  it('are listed by kind', async () => {
    const ids = async (filter: object) =>
      (await world.store.list({ institution: broker, ...filter })).map(({ id }) => id);
    expect(await ids({})).toEqual([root, child, ended, proposed]);
    expect(await ids({ status: 'active' })).toEqual([root, child]);
    expect(await ids({ endingBefore: Date.parse('2026-07-01T00:00:00Z') })).toEqual([child]);
    expect(await world.store.list({ institution: fund, kind: 'instruction' })).toEqual([]);
  });

  it('answer to their original idempotency keys', async () => {
    expect(await world.store.propose(rootProposal(), byFund, 'key-of-before')).toMatchObject({ id: root, version: 1 });
  });

  it('expire in time, with notices before', async () => {
    await world.store.sweep();
    const noticed = world.audit.ofType('mandate.expiring').map(({ mandate, data }) => [mandate?.id, data]);
    expect(noticed).toEqual([[child, expect.objectContaining({ days: 1 })]]);
    world.clock.advance(86_400_000);
    await world.store.sweep();
    expect((await world.store.find(child))?.status).toBe('expired');
  });

  it('continue with signatures: accepted by both parties, amended, and one history to the reader', async () => {
    const half = await world.store.accept(proposed, { termsHash }, byBroker);
    expect(half.status).toBe('proposed');
    expect(await world.store.accept(proposed, { termsHash }, byFund)).toMatchObject({ status: 'active', version: 3 });
    const { amendment } = await world.store.amend(root, { termsHash: digestOf('new terms') }, byFund, newKey());
    await world.store.acceptAmendment(root, { termsDigest: amendment?.termsDigest ?? '' }, byBroker);
    const keys = await world.signer.publicKeys('mandate');
    expect(verifyMandateVersions(await world.store.history(root), keys)).toEqual({ ok: true, signedFrom: 3 });
    await expect(world.store.suspend(child, byClearer, 'Not mine')).rejects.toThrow(/not_a_signatory/);
  });
});
