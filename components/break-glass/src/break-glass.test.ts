import { type EmergencyScope, emergencyScopes, type SignedStatement } from '@countersign/contracts';
import { scopes as everyScope } from '@countersign/market';
import { verifyStatement } from '@countersign/webauthn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningBreakGlass } from './index.ts';
import {
  anna,
  type BreakGlassWorld,
  cora,
  createBreakGlassWorld,
  eve,
  fay,
  foreignResource,
  origin,
  sam,
  stopOrders,
  thumbprint,
  tom,
} from './testing/break-glass-world.ts';

const minute = 60_000;
const hour = 60 * minute;
let world: BreakGlassWorld;
let breakGlass: RunningBreakGlass;

beforeEach(async () => {
  world = await createBreakGlassWorld();
  breakGlass = world.node();
  for (const each of [fay, sam, tom, cora, anna, eve]) world.keys.enrol(each.id);
});
afterEach(() => world.close());

const withCode = (code: string) => expect.objectContaining({ code });
const refusals = () => world.audit.ofType('incident.refused').map(({ reason }) => reason);

async function granted() {
  const { id } = await world.declare(breakGlass);
  return world.second(breakGlass, id);
}

describe('emergency access', () => {
  it('needs two people, alarms at once, lasts a quarter of an hour, and is reviewed by a third person', async () => {
    const declared = await world.declare(breakGlass);
    expect(declared).toMatchObject({ status: 'declared', holder: fay.id, collected: false });
    // Before anybody has access.
    expect(world.told.map(({ to, kind }) => [to, kind])).toEqual(
      ['compliance', 'risk', 'security'].map((role) => [
        { role, institution: fay.institution },
        'break-glass-declared',
      ]),
    );
    await expect(breakGlass.collect(declared.id, thumbprint)).rejects.toEqual(withCode('incident_decided'));

    const after = await world.second(breakGlass, declared.id);
    expect(after).toMatchObject({
      status: 'granted',
      second: sam.id,
      endsAt: '2026-11-21T09:15:00.000Z',
      reviewDueAt: '2026-11-22T09:00:00.000Z',
    });
    world.clock.advance(5 * minute);
    const access = await breakGlass.collect(declared.id, thumbprint);
    expect(access).toEqual({
      accessToken: 'token-1',
      scopes: ['order:read', 'order:cancel'],
      expiresAt: '2026-11-21T09:10:00.000Z',
    });
    // The rest of the quarter of an hour, whenever it is collected.
    expect(world.issued).toEqual([{ scopes: ['order:read', 'order:cancel'], lifetimeSeconds: 600, jkt: thumbprint }]);
    expect((await breakGlass.find(declared.id))?.endsAt).toBe('2026-11-21T09:15:00.000Z');

    await expect(world.review(breakGlass, declared.id)).rejects.toEqual(withCode('incident_running'));
    world.clock.advance(10 * minute);
    expect(await world.review(breakGlass, declared.id)).toMatchObject({
      status: 'reviewed',
      review: { by: cora.id, verdict: 'justified' },
    });
    expect(world.audit.records.map(({ type }) => type)).toEqual([
      'incident.declared',
      'incident.refused',
      'incident.granted',
      'incident.reviewed',
    ]);
  });

  it('leaves statements that anybody can verify from the records alone', async () => {
    const { id } = await granted();
    world.clock.advance(15 * minute);
    await world.review(breakGlass, id);
    const signed = world.audit.records.filter(({ type }) => type !== 'incident.refused');
    expect(signed).toHaveLength(3);
    for (const record of signed) {
      const { statement, key } = record.data as unknown as {
        readonly statement: Pick<SignedStatement, 'claims' | 'signature'>;
        readonly key: unknown;
      };
      verifyStatement({ ...statement, jwk: key, expected: { rpId: 'localhost', origins: [origin] } });
    }
  });

  it('can only view and stop: it cannot trade, move assets, approve, administer, handle evidence or extend itself', () => {
    const never =
      /:(?:create|amend|respond|accept|stream|request|release|approve|propose|grant|transfer|substitute|pledge|call|recall|instruct|affirm|submit|correct|publish|rollback|apply|provision|certify|export|disclose|place|register|rotate|generate|recover|invoke|review|open|invite|unlock|subscribe|force-execute|bust)$/;
    for (const scope of emergencyScopes) expect(scope).not.toMatch(never);
    const objects = /^(?:audit|retention|erasure|legalhold|key|policy|breakglass|recovery|withdrawal|collateral):/;
    for (const scope of emergencyScopes) expect(scope).not.toMatch(objects);
    // Proves that the patterns match anything at all.
    expect(everyScope.filter((scope) => never.test(scope) || objects.test(scope)).length).toBeGreaterThan(40);
  });
});

describe('a declaration', () => {
  it('is for holders, with a reason, for one of our interfaces and emergency scopes', async () => {
    const wrong: readonly [Partial<typeof stopOrders>, string][] = [
      [{ reason: 'too short' }, 'incident_malformed'],
      [{ reason: 'in\ntwo lines, at least ten' }, 'incident_malformed'],
      [{ reference: ' ' }, 'incident_malformed'],
      [{ scopes: [] }, 'incident_scope'],
      [{ scopes: ['order:create' as EmergencyScope] }, 'incident_scope'],
      [{ scopes: ['order:read', 'withdrawal:request' as EmergencyScope] }, 'incident_scope'],
      // An emergency scope, but not of this interface.
      [{ scopes: ['session:end'] }, 'incident_scope'],
      [{ resource: foreignResource }, 'incident_scope'],
    ];
    for (const [change, code] of wrong)
      await expect(breakGlass.askToDeclare({ ...stopOrders, ...change }, fay.id)).rejects.toEqual(withCode(code));
    await expect(breakGlass.askToDeclare(stopOrders, anna.id)).rejects.toEqual(withCode('incident_not_holder'));
  });

  it('covers exactly what was signed', async () => {
    const statement = await world.sign(fay, await breakGlass.askToDeclare(stopOrders, fay.id));
    await expect(breakGlass.declare({ ...stopOrders, scopes: ['order:read'] }, statement)).rejects.toEqual(
      withCode('incident_statement'),
    );
    const borrowed = { ...statement, claims: { ...statement.claims, iss: sam.id } };
    await expect(breakGlass.declare(stopOrders, borrowed)).rejects.toEqual(withCode('incident_statement'));
    world.clock.advance(3 * minute);
    await expect(breakGlass.declare(stopOrders, statement)).rejects.toEqual(withCode('incident_statement'));
    expect(refusals()).toEqual(['incident_statement', 'incident_statement', 'incident_statement']);
    expect(world.told).toEqual([]);
  });

  it('grants and stores nothing when it cannot be recorded', async () => {
    const statement = await world.sign(fay, await breakGlass.askToDeclare(stopOrders, fay.id));
    world.audit.breakDown('writing');
    await expect(breakGlass.declare(stopOrders, statement)).rejects.toEqual(withCode('log_unavailable'));
    world.audit.repair();
    expect(await breakGlass.list({})).toEqual([]);
  });

  it('is possible once before a review, for both holders, also when both try at the same time', async () => {
    await granted();
    for (const who of [fay, sam])
      await expect(breakGlass.askToDeclare(stopOrders, who.id)).rejects.toEqual(withCode('incident_unreviewed'));
    const { id } = await world.declare(breakGlass, tom);
    await expect(breakGlass.askToSecond(id, sam.id)).rejects.toEqual(withCode('incident_unreviewed'));
  });

  it('is made once although two nodes are asked', async () => {
    const nodes = [breakGlass, world.node()];
    const statements: SignedStatement[] = [];
    for (const node of nodes) statements.push(await world.sign(fay, await node.askToDeclare(stopOrders, fay.id)));
    const outcomes = await Promise.allSettled(
      nodes.map((node, index) => {
        const statement = statements[index];
        if (statement === undefined) throw new Error('no statement');
        return node.declare(stopOrders, statement);
      }),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(world.audit.ofType('incident.declared')).toHaveLength(1);
  });
});

describe('the second holder', () => {
  it('is another holder of the same firm whom the first did not invite, and comes in time', async () => {
    const { id } = await world.declare(breakGlass);
    await expect(breakGlass.askToSecond(id, fay.id)).rejects.toEqual(withCode('incident_same_person'));
    await expect(breakGlass.askToSecond(id, cora.id)).rejects.toEqual(withCode('incident_not_holder'));
    await expect(breakGlass.askToSecond(id, eve.id)).rejects.toEqual(withCode('incident_unknown'));
    world.keys.invitedBy(sam.id, fay.id);
    await expect(breakGlass.askToSecond(id, sam.id)).rejects.toEqual(withCode('incident_not_independent'));
    // Nor the other way round: who enrolled the first could have kept that key.
    world.keys.invitedBy(sam.id, cora.id);
    world.keys.invitedBy(fay.id, sam.id);
    await expect(breakGlass.askToSecond(id, sam.id)).rejects.toEqual(withCode('incident_not_independent'));
    world.keys.invitedBy(fay.id, cora.id);
    const asked = await breakGlass.askToSecond(id, sam.id);
    const statement = await world.sign(sam, asked);
    world.clock.advance(15 * minute);
    await expect(breakGlass.second(id, statement)).rejects.toEqual(withCode('incident_over'));
    await breakGlass.handleDue();
    expect((await breakGlass.find(id))?.status).toBe('lapsed');
    // Nothing was granted, so nothing has to be reviewed first.
    await expect(world.declare(breakGlass)).resolves.toMatchObject({ status: 'declared' });
  });

  it('signs for exactly this incident, and once', async () => {
    const { id } = await world.declare(breakGlass);
    const other = await world.declare(breakGlass, tom);
    const statement = await world.sign(sam, await breakGlass.askToSecond(id, sam.id));
    await expect(breakGlass.second(other.id, statement)).rejects.toEqual(withCode('incident_statement'));
    await breakGlass.second(id, statement);
    await expect(breakGlass.second(id, statement)).rejects.toEqual(withCode('incident_decided'));
  });

  it('is one although two second at the same time, and the other is not blocked', async () => {
    const { id } = await world.declare(breakGlass);
    const nodes = [breakGlass, world.node()];
    const outcomes = await Promise.allSettled(
      [sam, tom].map((who, index) => world.second(nodes[index] ?? breakGlass, id, who)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'incident_decided' },
    });
    expect(world.audit.ofType('incident.granted')).toHaveLength(1);
    const [other] = [sam, tom].filter((_, index) => outcomes[index]?.status === 'rejected');
    await expect(world.declare(breakGlass, other)).resolves.toMatchObject({ status: 'declared' });
  });

  it('cannot second when the first is no longer a holder', async () => {
    const { id } = await world.declare(breakGlass);
    const statement = await world.sign(sam, await breakGlass.askToSecond(id, sam.id));
    world.people.set(fay.id, { ...fay, roles: ['operator'] });
    await expect(breakGlass.second(id, statement)).rejects.toEqual(withCode('incident_not_holder'));
  });
});

describe('the access', () => {
  it('is for the tool whose key was declared, and not after its end', async () => {
    const { id } = await granted();
    const another = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' as typeof thumbprint;
    await expect(breakGlass.collect(id, another)).rejects.toEqual(withCode('incident_unknown'));
    world.clock.advance(15 * minute);
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_over'));
    expect(world.issued).toEqual([]);
  });

  it('is one token at a time: a new collection ends the previous token, extends nothing, and is possible ten times at most', async () => {
    const { id, endsAt } = await granted();
    for (let count = 0; count < 10; count += 1) {
      world.clock.advance(minute);
      await breakGlass.collect(id, thumbprint);
    }
    expect(world.issued.map(({ lifetimeSeconds }) => lifetimeSeconds)).toEqual([
      840, 780, 720, 660, 600, 540, 480, 420, 360, 300,
    ]);
    expect(world.revoked).toHaveLength(9);
    expect(new Set(world.revoked.map(({ id: token }) => token)).size).toBe(9);
    expect((await breakGlass.find(id))?.endsAt).toBe(endsAt);
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_collected'));
  });

  it('is one token although two collect at the same time', async () => {
    const { id } = await granted();
    await Promise.all([breakGlass.collect(id, thumbprint), world.node().collect(id, thumbprint)]);
    expect(world.issued).toHaveLength(2);
    expect(world.revoked).toHaveLength(1);
  });

  it('cannot be collected once one of the two holders is locked or no longer a holder', async () => {
    const { id } = await granted();
    await breakGlass.collect(id, thumbprint);
    for (const who of [fay, sam]) {
      world.people.set(who.id, { ...who, roles: ['operator'] });
      await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_not_holder'));
      world.people.delete(who.id);
      await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_not_holder'));
      world.people.set(who.id, who);
    }
    await world.keys.register.lock(fay.id, { id: cora.id }, 'This was not her');
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_not_holder'));
    expect(world.issued).toHaveLength(1);
    expect(refusals()).toEqual(Array(5).fill('incident_not_holder'));
  });

  it('cannot be requested, granted, collected or reviewed by an account under suspicion of takeover', async () => {
    const unsettle = (who: typeof fay) => world.signals.set(who.id, ['recovery-cooling-off']);
    unsettle(fay);
    await expect(breakGlass.askToDeclare(stopOrders, fay.id)).rejects.toEqual(withCode('incident_not_holder'));
    world.signals.clear();
    const { id } = await world.declare(breakGlass);
    const statement = await world.sign(sam, await breakGlass.askToSecond(id, sam.id));
    for (const who of [fay, sam]) {
      unsettle(who);
      await expect(breakGlass.second(id, statement)).rejects.toEqual(withCode('incident_not_holder'));
      world.signals.clear();
    }
    await breakGlass.second(id, statement);
    for (const who of [fay, sam]) {
      unsettle(who);
      await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_not_holder'));
      world.signals.clear();
    }
    world.clock.advance(15 * minute);
    unsettle(cora);
    await expect(world.review(breakGlass, id)).rejects.toEqual(withCode('incident_not_reviewer'));
    expect(world.issued).toEqual([]);
  });

  it('is not granted when the first holder was locked before the second came', async () => {
    const { id } = await world.declare(breakGlass);
    const statement = await world.sign(sam, await breakGlass.askToSecond(id, sam.id));
    await world.keys.register.lock(fay.id, { id: cora.id }, 'This was not her');
    await expect(breakGlass.second(id, statement)).rejects.toEqual(withCode('incident_not_holder'));
    expect((await breakGlass.find(id))?.status).toBe('declared');
  });

  it('can be ended early by its holders, and by nobody else', async () => {
    const { id } = await granted();
    await breakGlass.collect(id, thumbprint);
    await expect(breakGlass.end(id, cora.id)).rejects.toEqual(withCode('incident_not_holder'));
    await expect(breakGlass.end(id, eve.id)).rejects.toEqual(withCode('incident_unknown'));
    await breakGlass.end(id, sam.id);
    expect(world.revoked).toMatchObject([{ kind: 'token' }]);
    await expect(world.review(breakGlass, id)).resolves.toMatchObject({ status: 'reviewed' });
  });
});

describe('the review', () => {
  it('is by somebody of the firm who had no part in it', async () => {
    const { id } = await world.declare(breakGlass);
    await world.second(breakGlass, id, tom);
    world.clock.advance(15 * minute);
    // He may review, but not an incident that he seconded.
    await expect(world.review(breakGlass, id, tom)).rejects.toEqual(withCode('incident_not_reviewer'));
    await expect(world.review(breakGlass, id, fay)).rejects.toEqual(withCode('incident_not_reviewer'));
    await expect(world.review(breakGlass, id, sam)).rejects.toEqual(withCode('incident_not_reviewer'));
    await expect(world.review(breakGlass, id, eve)).rejects.toEqual(withCode('incident_unknown'));
  });

  it('is refused from anybody whom a holder invited, or who invited a holder', async () => {
    const { id } = await granted();
    world.clock.advance(15 * minute);
    for (const [invited, by] of [
      [cora, fay],
      [cora, sam],
      [fay, cora],
      [sam, cora],
    ] as const) {
      world.keys.invitedBy(invited.id, by.id);
      await expect(world.review(breakGlass, id)).rejects.toEqual(withCode('incident_not_reviewer'));
      world.keys.invitedBy(invited.id, 'person:joiner.desk');
    }
    await expect(world.review(breakGlass, id)).resolves.toMatchObject({ status: 'reviewed' });
  });

  it('that comes too late locks the holders all the same, although nobody has looked in between', async () => {
    const { id } = await granted();
    world.clock.advance(24 * hour);
    // No round has run: every process was down.
    expect(await world.review(breakGlass, id)).toMatchObject({ status: 'reviewed' });
    expect(world.audit.ofType('incident.overdue')).toHaveLength(1);
    expect(world.audit.ofType('incident.reviewed')).toMatchObject([{ data: { late: true } }]);
    for (const who of [fay, sam]) expect(await world.keys.register.isLocked(who.id)).toBe(true);
  });

  it('that comes too late is refused while the lock cannot be applied', async () => {
    const { id } = await granted();
    world.clock.advance(24 * hour);
    world.fail('locks');
    await expect(world.review(breakGlass, id)).rejects.toThrow('accounts cannot be locked');
    expect((await breakGlass.find(id))?.status).toBe('granted');
  });

  it('states exactly what was signed', async () => {
    const { id } = await granted();
    world.clock.advance(15 * minute);
    const note = 'Nothing of this was needed';
    const statement = await world.sign(cora, await breakGlass.askToReview(id, 'not-justified', note, cora.id));
    await expect(breakGlass.review(id, 'justified', note, statement)).rejects.toEqual(withCode('incident_statement'));
    await expect(breakGlass.review(id, 'not-justified', `${note}.`, statement)).rejects.toEqual(
      withCode('incident_statement'),
    );
  });

  it('is reminded of, and when it is overdue both holders are locked and their tokens end', async () => {
    const { id } = await granted();
    world.told.length = 0;
    world.clock.advance(20 * hour);
    await breakGlass.handleDue();
    await breakGlass.handleDue();
    expect(world.told.map(({ kind }) => kind)).toEqual(Array(3).fill('break-glass-review-due'));

    world.clock.advance(4 * hour);
    await Promise.all([breakGlass.handleDue(), world.node().handleDue()]);
    expect((await breakGlass.find(id))?.status).toBe('overdue');
    expect(world.audit.ofType('incident.overdue')).toMatchObject([{ data: { locked: [fay.id, sam.id] } }]);
    for (const who of [fay, sam]) expect(await world.keys.register.isLocked(who.id)).toBe(true);
    expect(world.revoked).toEqual([
      { kind: 'principal', id: fay.id },
      { kind: 'principal', id: sam.id },
    ]);
    // A late review is accepted; the locks stay.
    await expect(world.review(breakGlass, id)).resolves.toMatchObject({ status: 'reviewed' });
    expect(world.audit.ofType('incident.reviewed')).toMatchObject([{ data: { late: true } }]);
    expect(await world.keys.register.isLocked(fay.id)).toBe(true);
  });

  it('that is overdue is enforced after a failure, and blocks no other', async () => {
    const { id } = await granted();
    world.clock.advance(24 * hour);
    const other = await world.declare(breakGlass, tom);
    world.clock.advance(15 * minute);
    world.fail('locks');
    await breakGlass.handleDue();
    expect((await breakGlass.find(id))?.status).toBe('granted');
    expect((await breakGlass.find(other.id))?.status).toBe('lapsed');
    world.fail();
    world.clock.advance(minute);
    await breakGlass.handleDue();
    expect((await breakGlass.find(id))?.status).toBe('overdue');
    expect(world.audit.ofType('incident.overdue')).toHaveLength(1);
  });
});
