import { ended, type Grant, grantsThing, type Mandate } from '@countersign/contracts';
import { digestOf, newId, systemRandom } from '@countersign/kernel';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { actor, broker, brokerSignatory, constraints, rootProposal } from './testing/firms.ts';
import { byFund, givenRoot, newKey, permittedUse } from './testing/given-mandates.ts';
import { grantProposal } from './testing/grant-proposal.ts';
import { tradeOrder } from './testing/trade-order.ts';

const by = actor(brokerSignatory);

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of the consent store', () => {
  let world: ConsentWorld;
  let thief: pg.Pool;

  beforeEach(async () => {
    world = await createConsentWorld();
    thief = world.scratch.pool('consent-store');
  });
  afterEach(() => world.close());

  const contradictions = () => world.audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

  describe('attacking mandates', () => {
    const question = ({ id }: Pick<Mandate, 'id'>) => ({
      ...{ mandate: id, actingFor: broker, at: world.clock.now() },
      use: permittedUse(world.clock.now()),
    });
    /** On a node with an empty cache. */
    const asked = async (mandate: Pick<Mandate, 'id'>) => (await world.node()).check(question(mandate));
    const insertVersion = (mandate: Mandate) => {
      const { id, version, digest } = mandate;
      return thief.query(
        `insert into mandate_versions (id, version, document, digest, record_id, recorded_at) values ($1, $2, $3, $4, $5, now())`,
        [id, version, JSON.stringify(mandate), digest, `rec_${id}_${version}`],
      );
    };
    const insert = async (mandate: Mandate): Promise<void> => {
      const { id, version, grantor, grantee, status, kind, effectiveUntil } = mandate;
      await insertVersion(mandate);
      await thief.query(
        `insert into mandates (id, version, grantor_lei, grantee_lei, status, kind, effective_until)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update set version = excluded.version, status = excluded.status`,
        [id, version, grantor.lei, grantee.lei, status, kind, effectiveUntil],
      );
    };
    /** As versions looked before they were signed: only a digest, which anybody can compute. */
    const withoutSignature = (mandate: Mandate, change: Partial<Mandate>): Mandate => {
      const { digest: _, signature: __, consents: ___, ...open } = { ...mandate, ...change };
      return { ...open, digest: digestOf(JSON.parse(JSON.stringify(open))) } as unknown as Mandate;
    };

    it('cannot invent a mandate or widen one, not even as one from before versions were signed', async () => {
      const root = await givenRoot(world.store);
      const own = withoutSignature(root, {
        id: newId('mandate', { clock: world.clock, random: systemRandom }),
        version: 1,
        previousDigest: undefined as never,
      });
      await insert(own);
      expect(await asked(own)).toMatchObject({ valid: false, reason: 'mandate_not_found' });
      expect(await world.store.find(own.id)).toBeUndefined();
      const at = world.clock.now();
      const validity = { mandate: own.id, actingFor: broker, detail: tradeOrder(own.id), at };
      expect(await world.store.validate(validity)).toMatchObject({ valid: false, reason: 'mandate_not_found' });
      await expect(world.store.suspend(own.id, byFund, 'Review')).rejects.toMatchObject({ code: 'mandate_not_found' });
      expect(contradictions()).toContain(`mandate:${own.id}`);

      const wider = { ...constraints, venues: ['XETR', 'XPAR', 'XLON'] };
      await insert(withoutSignature(root, { version: 3, previousDigest: root.digest, constraints: wider as never }));
      expect(await world.store.find(root.id)).toEqual(root);
      expect(contradictions()).toContain(`mandate:${root.id}`);
    });

    it('cannot remove a suspension or revocation, by the row beside the versions or by deleting it', async () => {
      const [suspended, revoked] = [await givenRoot(world.store), await givenRoot(world.store)];
      await world.store.suspend(suspended.id, byFund, 'Review');
      await world.store.revoke(revoked.id, byFund, 'No longer needed');
      await thief.query(`update mandates set version = 2, status = 'active'`);
      expect(await asked(suspended)).toMatchObject({ valid: false, reason: 'mandate_suspended' });
      expect(await asked(revoked)).toMatchObject({ valid: false, reason: 'mandate_revoked' });
      await expect(thief.query('delete from mandate_versions')).rejects.toThrow(/never changed/);
      await thief.query('delete from mandates');
      expect(await world.store.find(revoked.id)).toMatchObject({ status: 'revoked' });
      expect((await asked(suspended)).valid).toBe(false);
    });

    it('cannot restore an older version by deleting the newest: it is read from its record', async () => {
      const root = await givenRoot(world.store);
      // Recorded but never stored: the result of a stopped node with a thief in its way.
      world.audit.afterNextAppend(async () => {
        await insertVersion({ ...root, version: 3 });
      });
      await expect(world.store.suspend(root.id, byFund, 'Review')).rejects.toThrow();
      expect(await asked(root)).toMatchObject({ valid: false, reason: 'mandate_suspended' });
      expect(await world.store.find(root.id)).toMatchObject({ version: 3, status: 'suspended' });
      expect(await world.store.revoke(root.id, byFund, 'Now')).toMatchObject({ version: 4, status: 'revoked' });
    });

    it('cannot keep a recorded, interrupted version from being completed before anything is built on it', async () => {
      const root = await givenRoot(world.store);
      const admin = world.scratch.pool('consent-store');
      world.audit.afterNextAppend(async () => {
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
        );
      });
      await expect(world.store.suspend(root.id, byFund, 'Review')).rejects.toMatchObject({
        code: 'database_unavailable',
      });
      expect(await asked(root)).toMatchObject({ valid: false, reason: 'mandate_suspended' });
      expect(await world.store.resume(root.id, byFund, 'Done')).toMatchObject({ version: 4, status: 'active' });
      expect((await world.store.history(root.id)).map(({ version }) => version)).toEqual([1, 2, 3, 4]);
      expect(await asked(root)).toMatchObject({ valid: true });
      expect(contradictions()).toEqual([]);
    });

    it('cannot keep a node from seeing a suspension', async () => {
      const root = await givenRoot(world.store);
      const other = await world.node({ pollEveryMs: 20 });
      await expect.poll(() => other.check(question(root)), { timeout: 60_000 }).toMatchObject({ valid: true });
      await world.store.suspend(root.id, byFund, 'Review');
      await thief.query(`update mandates set version = 2, status = 'active' where id = $1`, [root.id]);
      await expect
        .poll(() => other.check(question(root)), { timeout: 60_000 })
        .toMatchObject({ valid: false, reason: 'mandate_suspended' });
    });

    it('cannot consent in the name of a party', async () => {
      const proposed = await world.store.propose(rootProposal(), byFund, newKey());
      await insert({ ...proposed, version: 2, status: 'active', previousDigest: proposed.digest });
      expect(await asked(proposed)).toMatchObject({ valid: false, reason: 'mandate_not_accepted' });
      expect(await world.store.find(proposed.id)).toEqual(proposed);
    });
  });

  describe('attacking consents', () => {
    const insert = async (grant: Grant): Promise<void> => {
      await thief.query(
        `insert into grant_versions (id, version, document, record_id, recorded_at) values ($1, $2, $3, $4, now())`,
        [grant.id, grant.version, JSON.stringify(grant), `rec_${grant.id}_${grant.version}`],
      );
      await thief.query(
        `insert into grants (id, version, status, client, subject, institution, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update set version = excluded.version, status = excluded.status`,
        [grant.id, grant.version, grant.status, grant.client, grant.subject, grant.institution, grant.expiresAt],
      );
    };

    it('cannot give one in the name of a person, nor make one wider, longer or with a stronger sign-in', async () => {
      const { grants } = world.store;
      const given = await grants.give(grantProposal());
      const own = { ...given, id: newId('grant', { clock: world.clock, random: systemRandom }) };
      await insert(own);
      expect(await grants.find(own.id)).toBeUndefined();
      expect(await grants.list({ client: given.client })).toEqual([given]);
      expect(contradictions()).toContain(`grant:${own.id}`);
      for (const [index, change] of [
        { scopes: ['order:create', 'offline_access', 'order:cancel'] },
        { expiresAt: '2036-01-01T00:00:00.000Z' },
        { acr: 'phrh' },
        { client: own.client, subject: 'person:other' },
      ].entries()) {
        const victim = await grants.give(grantProposal());
        await insert({ ...victim, version: 2 + index, ...change } as Grant);
        expect(await grants.find(victim.id), JSON.stringify(change)).toBeUndefined();
        // A change of it would carry our record.
        await expect(grants.change(victim.id, 'merge', grantProposal())).rejects.toBeDefined();
      }
    });

    it('cannot restore a revoked one, by the earlier version or by hiding it meanwhile', async () => {
      const { grants } = world.store;
      const [first, hidden] = [await grants.give(grantProposal()), await grants.give(grantProposal())];
      await grants.revoke(first.id, by, 'Laptop lost');
      await thief.query(`update grants set version = 1, status = 'active'`);
      await insert({ ...first, version: 3 });
      expect(await grants.find(first.id)).toMatchObject({ version: 2, status: 'revoked' });

      await thief.query('delete from grants where id = $1', [hidden.id]);
      await grants.revoke(hidden.id, by, 'Laptop lost');
      await thief.query(`update grants set version = 1, status = 'active' where id = $1`, [hidden.id]);
      expect((await grants.find(hidden.id))?.status).not.toBe('active');
    });

    it('cannot save one from the end of all consents of a client, a person or an institution by hiding it', async () => {
      const { grants } = world.store;
      const given = await grants.give(grantProposal());
      await thief.query(`update grants set status = 'revoked', subject = 'person:nobody' where id = $1`, [given.id]);
      await world.audit.append({
        ...{ id: newId('record', { clock: world.clock, random: systemRandom }), type: 'token.revoked' },
        ...{
          source: 'authorization-server',
          outcome: 'done',
          standing: [ended(grantsThing({ subject: given.subject }))],
        },
        data: { kind: 'principal', id: given.subject, key: digestOf('key'), reason: 'left' },
      });
      expect(await grants.revokeAll({ subject: given.subject }, by, 'left')).toBe(0);
      await thief.query(`update grants set status = 'active', subject = $2 where id = $1`, [given.id, given.subject]);
      expect(await grants.find(given.id)).toBeUndefined();
      expect(await grants.list({ subject: given.subject })).toEqual([]);
      // A consent given afterwards is a separate decision.
      const again = await grants.give(grantProposal());
      expect(await grants.find(again.id)).toEqual(again);
    });
  });
});
