import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogEntry, RecordType } from '@countersign/contracts';
import { parsePolicy, parseVerifierKey, verifyByPolicy, verifyCheckpoint } from '@countersign/merkle-log';
import { createMetrics } from '@countersign/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunningAuditLog, WitnessingOptions } from '../index.ts';
import { createRig, draft, drafts, newTransaction, type Rig } from '../testing/rig.ts';
import { restoreLog, snapshotLog } from '../testing/superuser-store.ts';
import { fetchExchange, startTestWitness, type TestWitness } from '../testing/test-witness.ts';

let rig: Rig;
let witnesses: readonly [TestWitness, TestWitness, TestWitness];
let policy: string;
beforeEach(async () => {
  rig = await createRig();
  witnesses = [await startTestWitness('alpha'), await startTestWitness('beta'), await startTestWitness('gamma')];
  policy = `${witnesses.map(({ line }) => line).join('')}group G 2 alpha beta gamma\nquorum G\n`;
});
afterEach(async () => {
  await rig.close();
  for (const witness of witnesses) await witness.stop();
});

/** Only manual rounds, unless a test says otherwise, and timeouts long enough for a busy machine. */
const byHand = { exchange: fetchExchange, everyMs: 3_600_000, timeoutMs: 30_000, alarmAfterMs: 0 };
/** Requires every witness: with a quorum of two, the third is not waited for. */
const ofAll = () => policy.replace('group G 2', 'group G all');

function open(options: Partial<WitnessingOptions> = {}, more: Parameters<Rig['open']>[0] = {}) {
  return rig.open({ witnessing: { policy, ...byHand, ...options }, ...more });
}

function names(log: RunningAuditLog, note: string): readonly string[] {
  const parsed = parsePolicy(policy);
  const key = parseVerifierKey(log.verifierKey());
  if (!parsed.ok || !key.ok) throw new Error('the test has no policy');
  const verdict = verifyByPolicy({ signedNote: note, policy: parsed.policy, logKeys: [key.key] });
  if (!verdict.ok) expect.fail(verdict.reason);
  return verdict.cosignatures.map((one) => one.key.name);
}

async function recorded(log: RunningAuditLog, ...types: RecordType[]): Promise<readonly LogEntry['record'][]> {
  return (await log.search({ types })).map(({ record }) => record);
}

const missing = { code: 'log_quorum_missing', category: 'unavailable' };

describe('a log with witnesses', () => {
  it('publishes with cosignatures of the quorum that verify by the policy alone', async () => {
    const log = await open({ policy: ofAll() });
    expect(await log.published()).toBeUndefined();
    await Promise.all(drafts(20).map((one) => log.append(one)));
    const note = await log.checkpoint();
    expect(names(log, note)).toEqual(['alpha.example', 'beta.example', 'gamma.example']);
    expect(await log.published()).toBe(note);
    const grown = await log.append(draft());
    const next = await log.checkpoint();
    expect(next.split('\n')[1]).toBe((grown.index + 1n).toString());
    expect(await log.published()).toBe(next);
  });

  it('publishes periodically while it grows', async () => {
    const log = await open({ everyMs: 20 });
    const { index } = await log.append(draft());
    await vi.waitFor(async () => expect(BigInt((await log.published())?.split('\n')[1] ?? 0)).toBeGreaterThan(index), {
      timeout: 60_000,
    });
  });

  it('asks no witness twice about the same tree', async () => {
    const log = await open({ policy: ofAll() });
    const note = await log.checkpoint();
    const before = witnesses[0].asked.length;
    expect(await log.checkpoint()).toBe(note);
    expect(witnesses[0].asked).toHaveLength(before);
  });

  it('publishes with two of three, and names in the note only those that cosigned', async () => {
    const log = await open();
    await witnesses[1].goAway();
    expect(names(log, await log.checkpoint())).toEqual(['alpha.example', 'gamma.example']);
  });

  it('puts the cosignatures into a bundle of evidence', async () => {
    const log = await open({ policy: ofAll() });
    const transaction = newTransaction();
    await log.append(draft({ transaction }));
    const bundle = await log.exportBundle({ transaction, requester: { id: 'person:auditor' } });
    expect(names(log, bundle.checkpoint)).toHaveLength(3);
    await witnesses[0].goAway();
    await witnesses[1].goAway();
    await expect(log.exportBundle({ transaction, requester: { id: 'person:auditor' } })).rejects.toMatchObject(missing);
  });

  it('continues after a restart from the position of each witness', async () => {
    const first = await open({ policy: ofAll() });
    await first.checkpoint();
    await first.stop();
    const remembered = witnesses.map((witness) => witness.newest());
    for (const { asked } of witnesses) asked.length = 0;
    const second = await open({ policy: ofAll() });
    await second.append(draft());
    names(second, await second.checkpoint());
    // The positions were stored, so the first request is right.
    expect(witnesses.map(({ asked }) => asked[0])).toEqual(remembered);
  });

  it('is published under a new policy, whose quorum the last checkpoint does not meet', async () => {
    const first = await open({ policy: `${witnesses[0].line}quorum alpha\n` });
    await first.checkpoint();
    await first.stop();
    policy = `${witnesses[0].line}${witnesses[1].line}group G all alpha beta\nquorum G\n`;
    const second = await open();
    expect(await second.published()).toBeUndefined();
    expect(names(second, await second.checkpoint())).toEqual(['alpha.example', 'beta.example']);
  });

  it.each([
    ['cannot be parsed', 'nonsense\n', /line 1/],
    ['lists other logs only', () => `log ${witnesses[0].vkey.replace('alpha', 'omega')}\nquorum none\n`, /line 1/],
    ['has too few addresses', () => policy.replaceAll(/ http:\S+/g, ''), /quorum/],
  ])('does not start with a policy that %s', async (_, text, detail) => {
    await expect(open({ policy: typeof text === 'string' ? text : text() })).rejects.toMatchObject({
      code: 'log_policy_unusable',
      detail: expect.stringMatching(detail),
    });
  });
});

describe('a witness quorum that is missing', () => {
  it('prevents publication, which is recorded and alarmed, while appending continues; its return is recorded too', async () => {
    const metrics = createMetrics();
    const log = await open({}, { metrics });
    const before = await log.checkpoint();
    await witnesses[0].goAway();
    await witnesses[1].goAway();
    await log.append(draft());
    await expect(log.checkpoint()).rejects.toMatchObject(missing);
    expect(await log.published()).toBe(before);
    const [stopped, ...more] = await recorded(log, 'log.publication-stopped');
    expect(more).toEqual([]);
    expect(stopped).toMatchObject({ outcome: 'deny', reason: 'log_quorum_missing' });
    expect(stopped?.data).toMatchObject({ quorum: '2 of (alpha, beta, gamma)', witnesses: { gamma: 'cosigned' } });
    await log.append(draft());
    await expect(log.checkpoint()).rejects.toMatchObject(missing);
    expect(await recorded(log, 'log.publication-stopped')).toHaveLength(1);
    // Two manual rounds; the missing cosignature is requested again periodically as well.
    const rounds = /^countersign_log_publications_total\{outcome="quorum_missing"\} (\d+)$/m;
    expect(Number(rounds.exec(await metrics.registry.metrics())?.[1])).toBeGreaterThanOrEqual(2);

    await witnesses[0].comeBack();
    expect(names(log, await log.checkpoint())).toEqual(['alpha.example', 'gamma.example']);
    expect(await recorded(log, 'log.publication-resumed')).toHaveLength(1);
    await witnesses[0].goAway();
    await log.append(draft());
    await expect(log.checkpoint()).rejects.toMatchObject(missing);
    expect(await recorded(log, 'log.publication-stopped')).toHaveLength(2);
  });

  it('is remembered across a restart, so that its end is recorded', async () => {
    const first = await open();
    await witnesses[0].goAway();
    await witnesses[1].goAway();
    await expect(first.checkpoint()).rejects.toMatchObject(missing);
    await first.stop();
    await witnesses[0].comeBack();
    const second = await open();
    await second.checkpoint();
    expect(await recorded(second, 'log.publication-stopped', 'log.publication-resumed')).toHaveLength(2);
  });

  it('makes appends fail after too many unpublished records, and work again once they are published', async () => {
    const log = await open({ maxUnpublishedRecords: 5 });
    await log.checkpoint();
    await witnesses[0].goAway();
    await witnesses[1].goAway();
    const overdue = { code: 'log_publication_overdue', category: 'unavailable' };
    // The bound is checked once unpublished records are known.
    await expect(
      (async () => {
        for (let count = 0; count < 20; count++) {
          await log.append(draft());
          await log.checkpoint().catch(() => undefined);
        }
      })(),
    ).rejects.toMatchObject(overdue);
    await expect(log.checkHealth()).rejects.toMatchObject(overdue);
    await witnesses[0].comeBack();
    await log.checkpoint();
    await log.append(draft());
    await log.checkHealth();
  });

  it('makes appends fail after a record stays unpublished for too long, also across a restart', async () => {
    const first = await open({ maxUnpublishedSeconds: 60 });
    await first.checkpoint();
    await witnesses[0].goAway();
    await witnesses[1].goAway();
    await first.append(draft());
    await expect(first.checkpoint()).rejects.toMatchObject(missing);
    rig.clock.advance(30_000);
    await first.append(draft());
    await first.stop();
    rig.clock.advance(31_000);
    const second = await open({ maxUnpublishedSeconds: 60 });
    await expect(second.append(draft())).rejects.toMatchObject({ code: 'log_publication_overdue' });
    await witnesses[1].comeBack();
    await second.checkpoint();
    await second.append(draft());
  });
});

describe('a witness', () => {
  it('that was set back is named, and does not count until it has caught up by proof', async () => {
    policy = `${witnesses[0].line}quorum alpha\n`;
    const log = await open();
    await log.checkpoint();
    const early = witnesses[0].newest();
    await Promise.all(drafts(30).map((one) => log.append(one)));
    await log.checkpoint();
    const cosigned = witnesses[0].newest();

    witnesses[0].setBackTo(early);
    await log.append(draft());
    await expect(log.checkpoint()).rejects.toMatchObject(missing);
    const alarms = await recorded(log, 'log.witness-alarm');
    expect(alarms.map(({ data }) => data)).toMatchObject([
      { witness: 'alpha', kind: 'rolled-back', cosigned: cosigned.toString(), remembers: early.toString() },
      { witness: 'alpha', kind: 'caught-up', remembers: early.toString() },
    ]);
    expect(alarms[0]).toMatchObject({ outcome: 'deny', reason: 'witness_rolled_back' });
    // It has caught up and counts from the next time on.
    names(log, await log.checkpoint());
  });

  it('that has lost its state is detected after a restart too', async () => {
    policy = `${witnesses[0].line}quorum alpha\n`;
    const first = await open();
    await first.checkpoint();
    await first.stop();
    witnesses[0].setBackTo(0n);
    const second = await open();
    await expect(second.checkpoint()).rejects.toMatchObject(missing);
    expect((await recorded(second, 'log.witness-alarm'))[0]?.data).toMatchObject({
      kind: 'rolled-back',
      remembers: '0',
    });
    await second.checkpoint();
  });

  it('that forges a cosignature is named once, and its line appears in no note', async () => {
    const log = await open();
    const [forger] = witnesses;
    forger.misbehave(async (_request, response) => {
      // Valid, but over another checkpoint.
      response.end(await forger.cosignature('log.example/test\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n'));
    });
    const alarms = async () => (await recorded(log, 'log.witness-alarm')).map(({ data }) => data);
    const forged = [{ witness: 'alpha', kind: 'forged' }];
    expect(names(log, await log.checkpoint())).toEqual(['beta.example', 'gamma.example']);
    await expect.poll(alarms).toMatchObject(forged);
    await log.append(draft());
    expect(names(log, await log.checkpoint())).toEqual(['beta.example', 'gamma.example']);
    forger.misbehave(undefined);
    await expect
      .poll(async () => {
        await log.append(draft());
        return names(log, await log.checkpoint());
      })
      .toHaveLength(3);
    expect(await alarms()).toMatchObject(forged);
  });

  it('that signs with an unknown key is skipped', async () => {
    const log = await open();
    const stranger = await startTestWitness('stranger');
    witnesses[0].misbehave(async ({ body }, response) => {
      const text = body.slice(body.indexOf('\n\n') + 2).split('\n\n')[0];
      response.end(await stranger.cosignature(`${text}\n`));
    });
    expect(names(log, await log.checkpoint())).toEqual(['beta.example', 'gamma.example']);
    expect(await recorded(log, 'log.witness-alarm')).toEqual([]);
    await stranger.stop();
  });

  it('that states no time is skipped', async () => {
    const timeless = await startTestWitness('alpha', () => 0n);
    policy = policy.replace(/http:\S+/, timeless.line.split(' ')[3]?.trim() ?? '');
    const log = await open();
    expect(names(log, await log.checkpoint())).toEqual(['beta.example', 'gamma.example']);
    await timeless.stop();
  });

  it.each<[string, Parameters<TestWitness['misbehave']>[0]]>([
    [
      'answers 409 with another size each time',
      (() => {
        // Does not start with the size in the request, which would end the exchange.
        let size = 1;
        return (_request, response) =>
          void response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${size++ % 2}\n`);
      })(),
    ],
    [
      'answers 409 with what it was asked',
      ({ body }, response) =>
        void response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${/^old (\d+)/.exec(body)?.[1]}\n`),
    ],
    ['answers 409 without a size', (_request, response) => void response.writeHead(409).end('no')],
    [
      'answers 409 with a size and no type',
      (_request, response) => void response.writeHead(409, { 'content-type': 'text/plain' }).end('0\n'),
    ],
    ['answers 404', (_request, response) => void response.writeHead(404).end()],
    ['answers 403', (_request, response) => void response.writeHead(403).end()],
    ['answers 500', (_request, response) => void response.writeHead(500).end()],
    ['redirects', (_request, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
    ['answers nothing', (_request, response) => void response.end()],
    ['answers a page', (_request, response) => void response.end('<html></html>')],
    [
      'answers without end',
      (_request, response) => {
        const flood = setInterval(() => response.write('x'.repeat(32_768)), 1);
        response.on('close', () => clearInterval(flood));
      },
    ],
    ['hangs up', (_request, response) => void response.destroy()],
  ])('that %s is asked at most twice, and the others publish', async (_, misbehaviour) => {
    witnesses[0].misbehave(misbehaviour);
    // If all are required, the round ends when no witness remains to be asked.
    const waiting = await open({ policy: ofAll() });
    await expect(waiting.checkpoint()).rejects.toMatchObject(missing);
    await waiting.stop();
    expect([1, 2]).toContain(witnesses[0].asked.length);
    const log = await open();
    expect(names(log, await log.checkpoint())).toEqual(['beta.example', 'gamma.example']);
  });

  it('that is silent is not waited for if the others publish, and otherwise until its timeout', async () => {
    witnesses[0].misbehave(() => undefined);
    const log = await open({ timeoutMs: 3_600_000 });
    expect(names(log, await log.checkpoint())).toEqual(['beta.example', 'gamma.example']);
    await expect.poll(() => witnesses[0].asked).toHaveLength(1);
    const waiting = await open({ policy: ofAll(), timeoutMs: 100 });
    await waiting.append(draft());
    await expect(waiting.checkpoint()).rejects.toMatchObject(missing);
  });

  it('that has seen another history is named', async () => {
    const log = await open({ policy: ofAll() });
    witnesses[0].misbehave((_request, response) => void response.writeHead(422).end());
    await expect(log.checkpoint()).rejects.toMatchObject(missing);
    expect((await recorded(log, 'log.witness-alarm'))[0]).toMatchObject({
      reason: 'witness_contradicts',
      data: { witness: 'alpha', kind: 'contradicts' },
    });
  });
});

describe('two nodes with witnesses', () => {
  it('publish one history, whichever is asked, and each shows what the other has published', async () => {
    const [one, other] = [await open(), await open()];
    const notes: string[] = [];
    for (let round = 0; round < 5; round++) {
      await Promise.all([...drafts(3).map((it) => one.append(it)), ...drafts(3).map((it) => other.append(it))]);
      notes.push(...(await Promise.all([one.checkpoint(), other.checkpoint()])));
    }
    for (const note of notes) names(one, note);
    expect(await one.published()).toBe(await other.published());
    expect(await recorded(one, 'log.witness-alarm', 'log.publication-stopped')).toEqual([]);
  });
});

describe('a node that has signed more than is published', () => {
  it('does not show what another node publishes from a restored database', async () => {
    const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'publisher-')));
    const [own = '', elsewhere = ''] = folders;
    try {
      const log = await open({}, { headGuardFolder: own });
      const before = await log.checkpoint();
      await snapshotLog(rig.scratch.connection, 'backup');
      for (const witness of witnesses) witness.misbehave((_request, response) => void response.writeHead(503).end());
      await Promise.all(drafts(20).map((one) => log.append(one)));
      await expect(log.checkpoint()).rejects.toMatchObject(missing);
      // Signed and not published, as expected.
      expect(await log.published()).toBe(before);
      await restoreLog(rig.scratch.connection, 'backup');
      for (const witness of witnesses) witness.misbehave(undefined);
      const other = await open({}, { headGuardFolder: elsewhere });
      const forked = await other.checkpoint();
      expect(names(other, forked).length).toBeGreaterThan(1);
      await expect(log.published()).rejects.toMatchObject({ code: 'log_inconsistent' });
      // However large the log grows.
      await Promise.all(drafts(40).map((one) => other.append(one)));
      await expect(log.published()).rejects.toMatchObject({
        code: 'log_inconsistent',
        detail: expect.stringContaining('other ones in their places'),
      });
    } finally {
      for (const folder of folders) rmSync(folder, { recursive: true });
    }
  });
});

describe('a restored backup', () => {
  it('publishes nothing if the witnesses have seen more, and names them', async () => {
    const log = await open();
    await log.checkpoint();
    await Promise.all(drafts(10).map((one) => log.append(one)));
    await log.checkpoint();
    await log.stop();
    const last = witnesses[0].newest();
    // Without the later records, signatures and witness positions.
    await rig.tamper('delete from entries where index > 4');
    await rig.tamper('delete from bodies where index > 4');
    for (const table of ['checkpoints', 'published_checkpoints', 'cosignatures'])
      await rig.tamper(`delete from ${table} where size > 5`);
    const restored = await open();
    await restored.append(draft({ reason: 'another history' }));
    await expect(restored.checkpoint()).rejects.toMatchObject(missing);
    const alarms = await recorded(restored, 'log.witness-alarm');
    expect(alarms.map(({ reason }) => reason)).toContain('witness_ahead');
    expect(alarms[0]?.data).toMatchObject({ remembers: last.toString() });
    await expect(restored.append(draft())).rejects.toMatchObject({ code: 'log_inconsistent' });
    // A node without witnesses lets it grow past their positions: they now see a fork, and none cosigns it.
    const unwitnessed = await rig.open();
    await Promise.all(drafts(30).map((one) => unwitnessed.append(one)));
    await expect(restored.checkpoint()).rejects.toMatchObject(missing);
    const kinds = (await recorded(restored, 'log.witness-alarm')).map(({ data }) => (data as { kind: string }).kind);
    expect(kinds.filter((kind) => kind === 'contradicts')).toHaveLength(3);
  });
});

it('a published checkpoint that was changed in the database is not shown', async () => {
  const log = await open();
  const note = await log.checkpoint();
  await log.stop();
  const line = note.split('\n').at(-2) ?? '';
  const changed = note.replace(line, `${line.slice(0, -6)}AAAA==`);
  await rig.tamper('update published_checkpoints set note = $1', [changed]);
  await expect(open()).rejects.toMatchObject({ code: 'log_inconsistent' });
  expect(verifyCheckpoint({ signedNote: note, origin: 'log.example/test', logKeys: [] }).ok).toBe(false);
});

describe('verification of the log', () => {
  it('finds and names any changed byte of a published or cosigned checkpoint', async () => {
    const log = await open();
    await Promise.all(drafts(10).map((one) => log.append(one)));
    const note = await log.checkpoint();
    await log.append(draft());
    await log.checkpoint();
    expect(await log.verify()).toMatchObject({ ok: true });
    const bytes = Buffer.from(note);
    for (let at = 0; at < bytes.length; at += 13) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      // A UTF-8 database rejects half of a character.
      if (changed.toString().includes('\ufffd')) continue;
      await rig.tamper('update published_checkpoints set note = $1 where note = $2', [changed.toString(), note]);
      expect(await log.verify(), `byte ${at}`).toMatchObject({ ok: false, reason: 'published_altered' });
      await rig.tamper('update published_checkpoints set note = $1 where note = $2', [note, changed.toString()]);
    }
    for (const change of [
      "note = replace(note, ' b', ' c')",
      'size = size + 1000',
      "witness = replace(witness, 'a', 'b')",
    ]) {
      await rig.tamper(`begin; create table kept as table cosignatures; update cosignatures set ${change}; commit`);
      expect(await log.verify(), change).toMatchObject({ ok: false });
      await rig.tamper('begin; delete from cosignatures; insert into cosignatures table kept; drop table kept; commit');
    }
    expect(await log.verify()).toMatchObject({ ok: true });
    await rig.tamper("delete from cosignatures where witness like 'beta%'");
    expect(await log.verify()).toMatchObject({ ok: false, reason: 'published_altered' });
  });
});
