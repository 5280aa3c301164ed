import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  formatAddCheckpoint,
  formatVerifierKey,
  parseNote,
  parseVerifierKey,
  verifyCheckpoint,
} from '@countersign/merkle-log';
import { fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { originHash } from './cosigned-files.ts';
import { paperLog } from './testing/paper-log.ts';
import { serveWitness } from './testing/serve-witness.ts';

let folder: string;
let stops: (() => Promise<void>)[];
const clock = fixedClock(Date.parse('2026-11-21T09:30:00Z'));
const log = paperLog();
const other = paperLog({ origin: 'log.example/other' });
/** The same key, another history. */
const forked = paperLog({ entries: 'another' });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'witness-'));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  rmSync(folder, { recursive: true });
});

async function open(options: { readonly name?: string; readonly logs?: readonly (typeof log)[] } = {}) {
  const served = await serveWitness({
    folder,
    clock,
    name: options.name ?? 'witness.example/w1',
    vkeys: (options.logs ?? [log, other]).map(({ key }) => formatVerifierKey(key)),
  });
  stops.push(served.stop);
  const parsed = parseVerifierKey(served.key);
  if (!parsed.ok) throw new Error(parsed.reason);
  return {
    ...served,
    witnessKey: parsed.key,
    async ask(body: string | Uint8Array, headers: Record<string, string> = {}) {
      const answer = await fetch(`${served.address}/add-checkpoint`, { method: 'POST', body, headers });
      return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
    },
    async stop() {
      stops.splice(stops.indexOf(served.stop), 1);
      await served.stop();
    },
  };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** Verifies the cosignature over the requested checkpoint. @returns its timestamp */
async function cosignedAt(witness: Opened, size: number, lines: string, of = log): Promise<bigint | undefined> {
  const verdict = verifyCheckpoint({
    signedNote: `${await of.checkpoint(size)}${lines}`,
    origin: of.origin,
    logKeys: [of.key],
    witnessKeys: [witness.witnessKey],
  });
  if (!verdict.ok) expect.fail(verdict.reason);
  expect(verdict.cosignatures).toHaveLength(1);
  return verdict.cosignatures[0]?.timestamp;
}

describe('a witness', () => {
  it('cosigns a log from its first checkpoint on, as it grows', async () => {
    const witness = await open();
    for (const [from, to] of [
      [0, 3],
      [3, 3],
      [3, 8],
      [8, 200],
    ] as const) {
      const answer = await witness.ask(await log.request(from, to));
      expect(answer).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' });
      expect(await cosignedAt(witness, to, answer.text)).toBe(BigInt(clock.now() / 1000));
    }
  });

  it('cosigns an empty log only with the empty root', async () => {
    const witness = await open();
    expect((await witness.ask(await log.request(0, 0))).status).toBe(200);
    const lying = formatAddCheckpoint({
      oldSize: 0n,
      proof: [],
      checkpoint: await other.checkpoint(0, Buffer.alloc(32, 1)),
    });
    expect((await witness.ask(lying)).status).toBe(422);
    expect((await witness.ask(await log.request(0, 5))).status).toBe(200);
  });

  it('keeps logs separate', async () => {
    const witness = await open();
    expect((await witness.ask(await log.request(0, 100))).status).toBe(200);
    const answer = await witness.ask(await other.request(0, 7));
    expect(answer.status).toBe(200);
    await cosignedAt(witness, 7, answer.text, other);
  });

  it('refuses a log that is not configured', async () => {
    const witness = await open({ logs: [log] });
    expect((await witness.ask(await other.request(0, 5))).status).toBe(404);
  });

  it('refuses what the log did not sign, and what has a bad signature in its name', async () => {
    const witness = await open();
    const impostor = paperLog({ seed: 'another key' });
    expect((await witness.ask(await impostor.request(0, 5))).status).toBe(403);
    const body = await log.request(0, 5);
    const broken = body.replace(/.{4}(=*)\n$/, (_, end: string) => `AAAA${end}\n`);
    expect(broken).not.toBe(body);
    expect((await witness.ask(broken)).status).toBe(403);
    // One good and one bad signature by the same key: the note is malformed and refused as a whole.
    const line = broken.split('\n').at(-2);
    expect((await witness.ask(`${body}${line}\n`)).status).toBe(403);
    // Signatures of others are ignored.
    const stranger = (await other.checkpoint(5)).split('\n').at(-2);
    const answer = await witness.ask(`${body}${stranger}\n`);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(other.origin);
  });

  it('answers with the last cosigned size when the old size differs', async () => {
    const witness = await open();
    expect(await witness.ask(await log.request(3, 5))).toEqual({ status: 409, type: 'text/x.tlog.size', text: '0\n' });
    await witness.ask(await log.request(0, 8));
    for (const old of [0, 5, 9])
      expect(await witness.ask(await log.request(old, 10))).toEqual({
        status: 409,
        type: 'text/x.tlog.size',
        text: '8\n',
      });
  });

  it('refuses an old size above the checkpoint', async () => {
    const witness = await open();
    const body = formatAddCheckpoint({ oldSize: 9n, proof: [], checkpoint: await log.checkpoint(8) });
    expect((await witness.ask(body)).status).toBe(400);
  });

  it.each([
    ['an empty body', ''],
    ['no request', 'hello\n'],
    ['a request without checkpoint', 'old 0\n\n'],
    ['a checkpoint that is not a note', 'old 0\n\nhello\n'],
    ['a note that is not a checkpoint', 'old 0\n\nhello\nthere\n\n\u2014 log.example/paper AAAAAAAA\n'],
    ['bytes that are no text', new Uint8Array([0xff, 0xfe])],
  ])('answers %s with 400', async (_, body) => {
    const witness = await open();
    expect((await witness.ask(body)).status).toBe(400);
  });

  it('accepts a request with any media type', async () => {
    const witness = await open();
    for (const type of ['application/json', 'text/plain', 'application/octet-stream', 'text/x.tlog.request'])
      expect((await witness.ask(await log.request(0, 5), { 'content-type': type })).status).toBe(
        type === 'application/json' ? 200 : 409,
      );
  });

  it('cosigns no other history, nor one without a consistency proof, and keeps the proof', async () => {
    const witness = await open();
    await witness.ask(await log.request(0, 8));
    const refused = [
      await forked.request(8, 8),
      await forked.request(8, 20),
      formatAddCheckpoint({ oldSize: 8n, proof: [], checkpoint: await log.checkpoint(20) }),
      formatAddCheckpoint({
        oldSize: 8n,
        proof: (await log.proof(8, 20)).toReversed(),
        checkpoint: await log.checkpoint(20),
      }),
    ];
    for (const body of refused) expect((await witness.ask(body)).status).toBe(422);
    const kept = readdirSync(join(folder, 'contradictions')).map((name) =>
      readFileSync(join(folder, 'contradictions', name), 'utf8'),
    );
    expect(kept.toSorted()).toEqual(refused.toSorted());
    expect((await witness.ask(await log.request(8, 20))).status).toBe(200);
  });

  it('refuses a proof from size zero', async () => {
    const witness = await open();
    const proof = await log.proof(3, 5);
    const body = formatAddCheckpoint({ oldSize: 0n, proof, checkpoint: await log.checkpoint(5) });
    expect((await witness.ask(body)).status).toBe(422);
  });

  it('lets one of many concurrent requests through, and never goes back', async () => {
    const witness = await open();
    await witness.ask(await log.request(0, 1));
    const bodies = await Promise.all(Array.from({ length: 30 }, (_, index) => log.request(1, index + 2)));
    const answers = await Promise.all(bodies.map((body) => witness.ask(body)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = answers.findIndex(({ status }) => status === 200) + 2;
    for (const { status, text } of answers.filter((answer) => answer.status !== 200))
      expect([status, text]).toEqual([409, `${winner}\n`]);
  });

  it('serves monitors what it cosigned, with both signatures', async () => {
    const witness = await open();
    const url = `${witness.address}/${originHash(log.origin)}/checkpoint`;
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${witness.address}/${originHash('unknown')}/checkpoint`)).status).toBe(404);
    const { text } = await witness.ask(await log.request(0, 9));
    const served = await (await fetch(url)).text();
    expect(served).toBe(`${await log.checkpoint(9)}${text}`);
  });

  it('knows after a restart what it has cosigned, with the same key', async () => {
    const first = await open();
    await first.ask(await log.request(0, 8));
    await first.stop();
    const second = await open();
    expect(second.key).toBe(first.key);
    expect((await second.ask(await log.request(0, 8))).text).toBe('8\n');
    expect((await second.ask(await forked.request(8, 9))).status).toBe(422);
    expect((await second.ask(await log.request(8, 9))).status).toBe(200);
  });

  it('never states an earlier time for a larger tree, whatever its clock says', async () => {
    const witness = await open();
    const before = await cosignedAt(witness, 5, (await witness.ask(await log.request(0, 5))).text);
    clock.advance(-3_600_000);
    const after = await cosignedAt(witness, 6, (await witness.ask(await log.request(5, 6))).text);
    clock.advance(3_600_000);
    expect(after).toBe(before);
  });
});

describe('the folder of a witness', () => {
  it('is locked by one process at a time', async () => {
    await open();
    await expect(open()).rejects.toMatchObject({ code: 'witness_in_use' });
  });

  it('has a key that is bound to one name, and that nobody else can read', async () => {
    const witness = await open();
    await witness.stop();
    await expect(open({ name: 'witness.example/w2' })).rejects.toMatchObject({ code: 'witness_key_unusable' });
    chmodSync(join(folder, 'witness.key'), 0o640);
    await expect(open()).rejects.toMatchObject({ code: 'witness_key_unusable' });
    chmodSync(join(folder, 'witness.key'), 0o600);
    writeFileSync(join(folder, 'witness.key'), '{"name":"witness.example/w1"');
    await expect(open()).rejects.toMatchObject({ code: 'witness_key_unusable' });
  });

  it.each(['', 'with space', 'with+plus', 'with\nline'])('gets no key with the name %j', async (name) => {
    await expect(open({ name })).rejects.toMatchObject({ code: 'verifier_key_unusable' });
    expect(readdirSync(folder)).not.toContain('witness.key');
  });

  it('keeps the witness from starting if any byte of what it cosigned was changed', async () => {
    const witness = await open();
    await witness.ask(await log.request(0, 8));
    await witness.stop();
    const file = join(folder, 'logs', originHash(log.origin));
    const bytes = readFileSync(file);
    const text = bytes.toString();
    // The text and our own signature are protected; the log's signature beside it is not.
    const logLine = Buffer.byteLength(text.slice(0, text.indexOf(`\u2014 ${log.origin}`)));
    const ourLine = Buffer.byteLength(text.slice(0, text.indexOf('\u2014 witness.example')));
    for (const at of [0, 18, 20, 25, logLine - 3, ourLine + 5, bytes.length - 10, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      await expect(open(), `byte ${at}`).rejects.toMatchObject({ code: 'witness_storage_failed' });
    }
    writeFileSync(file, bytes.subarray(0, 40));
    await expect(open()).rejects.toMatchObject({ code: 'witness_storage_failed' });
    writeFileSync(file, '');
    await expect(open()).rejects.toMatchObject({ code: 'witness_storage_failed' });
    writeFileSync(file, bytes);
    expect((await (await open()).ask(await log.request(8, 9))).status).toBe(200);
  });

  it('is cleaned of unfinished files of a killed process', async () => {
    const witness = await open();
    await witness.ask(await log.request(0, 8));
    await witness.stop();
    const logs = join(folder, 'logs');
    writeFileSync(join(logs, `${originHash(log.origin)}.0123456789ab.new`), 'half a no');
    await open();
    expect(readdirSync(logs)).toEqual([originHash(log.origin)]);
  });

  it('with cosignatures of another key is refused', async () => {
    const witness = await open();
    await witness.ask(await log.request(0, 8));
    await witness.stop();
    rmSync(join(folder, 'witness.key'));
    await expect(open()).rejects.toMatchObject({ code: 'witness_storage_failed' });
  });

  it('that cannot be written stops cosignatures until it can', async () => {
    const witness = await open();
    await witness.ask(await log.request(0, 8));
    const logs = join(folder, 'logs');
    const kept = readFileSync(join(logs, originHash(log.origin)));
    // Root may write anywhere, so a mode would stop nobody: the test removes the folder instead.
    rmSync(logs, { recursive: true });
    writeFileSync(logs, 'no folder');
    expect((await witness.ask(await log.request(8, 9))).status).toBe(503);
    rmSync(logs);
    mkdirSync(logs, { mode: 0o700 });
    // A folder that lost its state must not start over.
    expect((await witness.ask(await log.request(0, 9))).status).toBe(503);
    writeFileSync(join(logs, originHash(log.origin)), kept);
    const answer = await witness.ask(await log.request(8, 9));
    expect(answer.status).toBe(200);
    expect(parseNote(readFileSync(join(logs, originHash(log.origin)))).ok).toBe(true);
  });
});

describe('the listener of a witness', () => {
  it('refuses a body that is too large', async () => {
    const witness = await open();
    expect((await witness.ask(`${await log.request(0, 5)}${'x'.repeat(300_000)}`)).status).toBe(413);
  });

  it('serves others while a client sends its request byte by byte', async () => {
    const witness = await open();
    const slow = httpRequest(`${witness.address}/add-checkpoint`, {
      method: 'POST',
      headers: { 'content-length': 500 },
    });
    slow.on('error', () => undefined);
    slow.write('old');
    expect((await witness.ask(await log.request(0, 5))).status).toBe(200);
    slow.destroy();
  });
});
