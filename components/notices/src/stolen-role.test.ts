import { parsePrincipalId } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, testRowSeal } from '@countersign/testkit';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNotices, noticesMigrations, type RunningNotices } from './index.ts';

const anna = parsePrincipalId('person:anna.keller');
if (anna === undefined) throw new Error('not a principal');

// Every attack below uses a connection with this component's database role.

describe('a thief with the database role of the notices', () => {
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  let database: ScratchDatabase;
  let thief: pg.Pool;
  let audit: ReturnType<typeof createMemoryLog>;
  let notices: RunningNotices;
  let sent: string[];
  let answering: boolean;
  beforeEach(async () => {
    database = await createTestDatabase({ components: [noticesMigrations] });
    thief = database.pool('notices');
    audit = createMemoryLog(clock);
    sent = [];
    answering = false;
    notices = createNotices({
      pool: database.pool('notices'),
      audit,
      rowSeal: testRowSeal,
      channels: [
        {
          name: 'here',
          async send({ body }) {
            if (!answering) throw new Error('not now');
            sent.push(body);
          },
        },
      ],
      environment: 'production',
      clock,
      random: systemRandom,
      logger: createLogger({ level: 'silent', name: 'test' }),
      everyMs: 3_600_000,
    });
  });
  afterEach(async () => {
    await notices.stop();
    await database.drop();
  });

  /** A waiting notice, since the channel does not answer. */
  async function waiting() {
    const id = newId('notice', { clock, random: systemRandom });
    await notices.notify({
      ...{ id, to: anna as NonNullable<typeof anna>, kind: 'authenticator-added', facts: { name: 'Blue key' } },
      text: 'A security key was added to your account.',
    });
    await notices.sendDue();
    answering = true;
    clock.advance(3_600_000);
    return id;
  }
  const contradicted = () => audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

  it.each([
    ['words', `content = 'Sign in at https://thief.example to keep your account.'`],
    ['facts', `facts = '{"link":"https://thief.example"}'`],
    ['kind', `kind = 'recovery-opened'`],
    ['recipient', `to_person = 'person:eve'`],
    ['recipients', `to_person = null, to_role = 'trader', to_institution = '5493001KJTIIGC8Y1R12'`],
    ['time', `notified_at = notified_at - interval '1 day'`],
    ['seal', 'seal = null'],
  ])('cannot have a notice sent with other %s', async (_, change) => {
    const id = await waiting();
    await thief.query(`update notices set ${change}`);
    await notices.sendDue();
    await notices.sendDue();
    expect(sent).toEqual([]);
    expect(contradicted()).toEqual([`notice:${id}`]);
    expect(audit.ofType('notice.sent')).toEqual([]);
  });

  it('cannot have their own notice sent with the seal of another', async () => {
    await waiting();
    const own = newId('notice', { clock, random: systemRandom });
    await thief.query(
      `with mine as (insert into notices select $1, to_person, to_role, to_institution, kind, content, facts, notified_at, seal from notices)
       insert into deliveries (notice, channel, next_attempt, record_id) select $1, channel, next_attempt, $2 from deliveries`,
      [own, newId('record', { clock, random: systemRandom })],
    );
    await notices.sendDue();
    expect(sent).toHaveLength(1);
    expect(contradicted()).toEqual([`notice:${own}`]);
  });
});
