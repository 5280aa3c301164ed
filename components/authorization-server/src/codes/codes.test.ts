import { parseClientId } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, testRowSeal } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationServerMigrations } from '../migrations.ts';
import { createCodes } from './codes.ts';

describe('authorization codes', () => {
  const clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
  const from = { clock, random: systemRandom };
  const logger = createLogger({ level: 'silent', name: 'test' });
  let database: ScratchDatabase;
  const audit = createMemoryLog(clock);
  const node = () =>
    createCodes({ pool: database.pool('authorization-server'), rowSeal: testRowSeal, audit, logger, ...from });
  const client = parseClientId('order-desk');
  if (client === undefined) throw new Error('a fixture that its own parser refuses');
  const binding = () => ({
    grant: newId('grant', from),
    client,
    redirectUri: 'https://desk.example/cb',
    codeChallenge: 'c'.repeat(43),
    dpopJkt: 'd'.repeat(43),
    nonce: 'n',
    session: newId('session', from),
    resource: 'https://venue.example/orders',
    scopes: ['openid', 'order:create'] as const,
    acr: 'phr',
    amr: ['hwk', 'user'],
    authTime: 1_700_000_000,
  });

  beforeAll(async () => {
    database = await createTestDatabase({ components: [authorizationServerMigrations] });
  });
  afterAll(() => database.drop());

  it('are found with everything they are bound to, and only by their own value', async () => {
    const codes = node();
    const bound = binding();
    const code = await codes.issue(bound);
    expect(code).toMatch(/^[\w-]{43}$/);
    expect(await codes.find(code)).toEqual({ ...bound, expiresAt: clock.now() + 60_000, redeemed: false });
    expect(await codes.find(`${code.slice(1)}A`)).toBeUndefined();
    expect(await codes.find('')).toBeUndefined();
    expect(await codes.find('x'.repeat(100_000))).toBeUndefined();
    await codes.stop();
  });

  it('omit values that they are not bound to', async () => {
    const codes = node();
    const { dpopJkt: _jkt, nonce: _nonce, session: _session, resource: _resource, ...bound } = binding();
    expect(await codes.find(await codes.issue(bound))).toEqual({
      ...bound,
      expiresAt: clock.now() + 60_000,
      redeemed: false,
    });
    await codes.stop();
  });

  it('issued while the clock was ahead are invalid once it is set back', async () => {
    const codes = node();
    clock.advance(3_600_000);
    const code = await codes.issue(binding());
    clock.advance(-3_600_000);
    expect(await codes.find(code)).toBeUndefined();
    clock.advance(3_600_000 - 30_000);
    expect(await codes.find(code)).toBeDefined();
    clock.advance(-3_600_000 + 30_000);
    await codes.stop();
  });

  it('are redeemed once among a hundred attempts on two nodes', async () => {
    const nodes = [node(), node()];
    const code = await nodes[0]?.issue(binding());
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, index) => nodes[index % 2]?.redeem(code ?? '')));
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(await nodes[1]?.find(code ?? '')).toMatchObject({ redeemed: true });
    await Promise.all(nodes.map((each) => each.stop()));
  });

  it('are not stored in clear', async () => {
    const codes = node();
    const code = await codes.issue(binding());
    const { rows } = await database
      .pool('authorization-server')
      .query<{ text: string }>('select authorization_codes::text as text from authorization_codes');
    expect(rows.length).toBeGreaterThan(0);
    for (const { text } of rows) {
      expect(text).not.toContain(code);
      expect(text).not.toContain(Buffer.from(code).toString('hex'));
      expect(text).not.toContain(Buffer.from(code, 'base64url').toString('hex'));
    }
    await codes.stop();
  });

  it('expire after a minute; a redeemed code is remembered for an hour so that a replay is detected', async () => {
    const codes = node();
    const unused = await codes.issue(binding());
    const used = await codes.issue(binding());
    await codes.redeem(used);
    clock.advance(59_999);
    expect(await codes.find(unused)).toBeDefined();
    clock.advance(1);
    expect(await codes.find(unused)).toBeUndefined();
    expect(await codes.find(used)).toMatchObject({ redeemed: true });
    await codes.sweep();
    expect(await codes.redeem(used)).toBe('replayed');
    expect(await codes.find(used)).toMatchObject({ redeemed: true });
    clock.advance(60 * 60_000 + 1);
    expect(await codes.sweep()).toBeGreaterThan(0);
    expect(await codes.find(used)).toBeUndefined();
    await codes.stop();
  });
});
