import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePrincipalId } from '@countersign/contracts';
import { newId, sha256Base64Url, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, testRowSeal } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createFolderChannel,
  createNotices,
  createWebhookChannel,
  type NoticeChannel,
  noticesMigrations,
  type RunningNotices,
} from './index.ts';

const hour = 3_600_000;
const anna = parsePrincipalId('person:anna.keller');
if (anna === undefined) throw new Error('not a principal');

let database: ScratchDatabase;
const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
const logger = createLogger({ level: 'silent', name: 'test' });
const folder = mkdtempSync(join(tmpdir(), 'notices-'));
let audit = createMemoryLog(clock);
let running: RunningNotices[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ components: [noticesMigrations] });
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  audit = createMemoryLog(clock);
  rmSync(folder, { recursive: true, force: true });
  await database.pool('notices').query('delete from notices');
});
afterEach(async () => {
  for (const each of running) await each.stop();
  running = [];
});

const inFolder: NoticeChannel = createFolderChannel({ name: 'files', folder });

function start(...channels: NoticeChannel[]): RunningNotices {
  const notices = createNotices({
    pool: database.pool('notices'),
    audit,
    rowSeal: testRowSeal,
    channels,
    environment: 'production',
    clock,
    random: systemRandom,
    logger,
    // Tests start the rounds.
    everyMs: hour,
  });
  running.push(notices);
  return notices;
}

function notice() {
  return {
    id: newId('notice', { clock, random: systemRandom }),
    to: anna ?? 'nobody',
    kind: 'authenticator-added',
    text: 'A security key was added to your account.',
    facts: { name: 'Blue key' },
  } as Parameters<RunningNotices['notify']>[0];
}

/** A channel that fails until it is switched. */
function fickle(name: string) {
  const sent: string[] = [];
  let down = true;
  const channel: NoticeChannel = {
    name,
    async send({ body }) {
      if (down) throw new Error('down');
      sent.push(body);
    },
  };
  return {
    channel,
    sent,
    up() {
      down = false;
    },
  };
}

describe('a notice', () => {
  it('is sent once through every channel, and each outcome is recorded with the digest of what was sent', async () => {
    const other = fickle('mail');
    other.up();
    const notices = start(inFolder, other.channel);
    const told = notice();
    await notices.notify(told);
    await notices.notify(told);
    await notices.sendDue();

    const [file] = readdirSync(folder);
    const body = readFileSync(join(folder, file ?? ''), 'utf8').trim();
    expect(JSON.parse(body)).toEqual({
      id: told.id,
      kind: 'authenticator-added',
      to: { person: anna },
      text: told.text,
      facts: { name: 'Blue key' },
      notified_at: '2026-11-21T09:00:00.000Z',
    });
    expect(other.sent).toEqual([body]);
    expect(audit.ofType('notice.sent').map(({ data }) => data)).toEqual(
      expect.arrayContaining(
        ['files', 'mail'].map((channel) => ({
          notice: told.id,
          kind: told.kind,
          channel,
          attempts: 1,
          message_sha256: sha256Base64Url(body),
        })),
      ),
    );
    expect(audit.records).toHaveLength(2);
    // Neither its text nor its facts are in the log.
    expect(JSON.stringify(audit.records)).not.toContain('Blue key');
  });

  it('addressed to a role reaches everybody with that role without naming anybody', async () => {
    const notices = start(inFolder);
    await notices.notify({ ...notice(), to: { role: 'security', institution: '5493000ARRANGERDEM94' } });
    await notices.sendDue();
    expect(audit.ofType('notice.sent')[0]).toMatchObject({
      data: { to_role: 'security', to_institution: '5493000ARRANGERDEM94' },
    });
    expect(audit.ofType('notice.sent')[0]?.subject).toBeUndefined();
  });

  it('is not delayed by another channel that is down, where it is retried after growing pauses', async () => {
    const mail = fickle('mail');
    const notices = start(inFolder, mail.channel);
    await notices.notify(notice());
    await notices.sendDue();
    expect(readdirSync(folder)).toHaveLength(1);
    expect(mail.sent).toHaveLength(0);

    mail.up();
    await notices.sendDue();
    // It is not due yet.
    expect(mail.sent).toHaveLength(0);
    clock.advance(6_000);
    await notices.sendDue();
    expect(mail.sent).toHaveLength(1);
    expect(audit.ofType('notice.sent').map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ channel: 'mail', attempts: 2 }),
    );
  });

  it('is given up on one channel after a day, recorded as failed', async () => {
    const mail = fickle('mail');
    const notices = start(mail.channel);
    await notices.notify(notice());
    for (let round = 0; round < 40; round += 1) {
      await notices.sendDue();
      clock.advance(2 * hour);
    }
    expect(audit.ofType('notice.failed')).toMatchObject([
      { outcome: 'deny', reason: 'fault', data: { channel: 'mail', attempts: 24 } },
    ]);
    mail.up();
    await notices.sendDue();
    expect(mail.sent).toHaveLength(0);
  });

  it('is sent again, and recorded once, when its outcome could not be recorded', async () => {
    const mail = fickle('mail');
    mail.up();
    const notices = start(mail.channel);
    const told = notice();
    audit.breakDown('writing');
    await notices.notify(told);
    // In the round that it started, or in this one.
    await notices.sendDue().catch(() => undefined);
    expect(mail.sent).toHaveLength(1);
    expect(audit.records).toHaveLength(0);
    audit.repair();
    clock.advance(61_000);
    await notices.sendDue();
    expect(mail.sent).toHaveLength(2);
    expect(mail.sent[1]).toBe(mail.sent[0]);
    expect(audit.ofType('notice.sent')).toHaveLength(1);
  });

  it('is sent once although two nodes send at the same time', async () => {
    const mail = fickle('mail');
    mail.up();
    const [one, two] = [start(mail.channel), start(mail.channel)];
    for (let count = 0; count < 30; count += 1) await one.notify(notice());
    await Promise.all([one.sendDue(), two.sendDue()]);
    expect(mail.sent).toHaveLength(30);
    expect(audit.ofType('notice.sent')).toHaveLength(30);
  });

  it('is refused when one of our components writes too much', async () => {
    await expect(start(inFolder).notify({ ...notice(), text: 'x'.repeat(2_001) })).rejects.toThrow('is invalid');
  });

  it('needs at least one channel outside development, each with a unique name', () => {
    expect(() => start()).toThrowError(expect.objectContaining({ code: 'configuration_unsafe' }));
    expect(() => start(inFolder, inFolder)).toThrowError(expect.objectContaining({ code: 'configuration_invalid' }));
  });

  it('for a channel that is no longer configured is recorded as given up, not just deleted', async () => {
    const before = start(fickle('pager').channel, inFolder);
    const told = notice();
    await before.notify(told);
    await before.stop();
    const after = start(inFolder);
    await after.sendDue();
    expect(audit.ofType('notice.failed')).toEqual([]);
    clock.advance(25 * hour);
    await Promise.all([after.sendDue(), start(inFolder).sendDue()]);
    expect(audit.ofType('notice.failed')).toMatchObject([
      { reason: 'notice_channel_gone', data: { notice: told.id, channel: 'pager' } },
    ]);
  });
});

describe('a webhook of the firm', () => {
  let server: Server;
  let seen: { readonly authorization: string | undefined; readonly body: string }[] = [];
  let status = 204;
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      request.on('end', () => {
        seen.push({ authorization: request.headers.authorization, body });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('gets the notice with its authorization, and again after a response that is not 2xx', async () => {
    seen = [];
    status = 500;
    const { port } = server.address() as AddressInfo;
    const webhook = createWebhookChannel({
      name: 'desk-chat',
      url: `http://127.0.0.1:${port}/notices`,
      authorization: 'Bearer of-the-firm',
      exchange: {
        async exchange(url, { contentType, body, authorization }) {
          const answer = await fetch(url, {
            method: 'POST',
            headers: { 'content-type': contentType, authorization: authorization ?? '' },
            body: String(body),
          });
          return { status: answer.status, contentType: undefined, body: Buffer.alloc(0) };
        },
      },
    });
    const notices = start(webhook);
    await notices.notify(notice());
    await notices.sendDue();
    expect(audit.records).toHaveLength(0);
    status = 204;
    clock.advance(6_000);
    await notices.sendDue();
    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]?.authorization).toBe('Bearer of-the-firm');
    expect(audit.ofType('notice.sent')).toHaveLength(1);
  });
});
