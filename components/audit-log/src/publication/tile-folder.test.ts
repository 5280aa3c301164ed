import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EntryBundle,
  parseVerifierKey,
  partialTiles,
  type Tile,
  tilePath,
  verifyCheckpoint,
} from '@countersign/merkle-log';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Head, type LogSource, mirrorLog, type RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, type Rig } from '../testing/rig.ts';
import { fetchExchange, startTestWitness } from '../testing/test-witness.ts';

let rig: Rig;
let folder: string;
const folders: string[] = [];
beforeAll(async () => {
  rig = await createRig();
});
afterAll(async () => {
  await rig.close();
  for (const one of folders) rmSync(one, { recursive: true, force: true });
});
beforeEach(() => {
  folder = newFolder();
});

function newFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tile-folder-'));
  folders.push(made);
  return made;
}
const grow = (log: RunningAuditLog, count: number) => Promise.all(drafts(count).map((one) => log.append(one)));
const publishTo = (entries = true) => ({ folder, entries, everyMs: 3_600_000 });
const filesIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.countersign'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();

function headOf(log: RunningAuditLog) {
  return (note: string): Head => {
    const key = parseVerifierKey(log.verifierKey());
    const verdict = verifyCheckpoint({
      signedNote: note,
      origin: 'log.example/test',
      logKeys: key.ok ? [key.key] : [],
    });
    if (!verdict.ok) throw new Error(verdict.reason);
    return verdict.checkpoint;
  };
}

/** As a reader with only the files: verifies every tile and entry that the checkpoint promises into another folder. */
async function verifyFolder(log: RunningAuditLog, from = folder): Promise<bigint> {
  const read = async (path: string) => {
    const file = join(from, path);
    return existsSync(file) ? readFileSync(file) : undefined;
  };
  const copied = await mirrorLog({
    folder: newFolder(),
    source: sourceOf(read),
    note: readFileSync(join(from, 'checkpoint'), 'utf8'),
    open: headOf(log),
    entries: true,
  });
  expect(copied.missingBundles).toBe(0);
  return copied.size;
}

function sourceOf(read: (path: string) => Promise<Buffer | undefined>): LogSource {
  return {
    tile: (tile: Tile) => read(tilePath(tile)),
    entryBundle: (bundle: EntryBundle) => read(tilePath({ level: 0, ...bundle }).replace('tile/0/', 'tile/entries/')),
  };
}

describe('a log published to a folder', () => {
  it('is sufficient for a reader, as it grows over tiles', async () => {
    const log = await rig.open({ publishTo: publishTo() });
    for (const count of [1, 3, 250, 5, 270, 256]) {
      await grow(log, count);
      const note = await log.checkpoint();
      await log.publishToFolder();
      expect(readFileSync(join(folder, 'checkpoint'), 'utf8')).toBe(note);
      expect((await verifyFolder(log)).toString()).toBe(note.split('\n')[1]);
    }
    // Partial tiles replaced by full ones are gone; only those of the newest checkpoint remain.
    const size = headOf(log)(readFileSync(join(folder, 'checkpoint'), 'utf8')).size;
    const edge = partialTiles(size).map(tilePath);
    const full = new Set(filesIn(folder).filter((path) => path.startsWith('tile/') && !path.includes('.p/')));
    const partial = filesIn(folder).filter((path) => path.startsWith('tile/') && path.includes('.p/'));
    expect(partial).toEqual(expect.arrayContaining(edge));
    for (const path of partial) expect(full.has(path.replace(/\.p\/\d+$/, ''))).toBe(false);
    expect(readdirSync(join(folder, '.countersign'))).toEqual(['owner.lock']);
    await log.stop();
  });

  it('holds only hashes if entries are not to be published', async () => {
    const log = await rig.open({ publishTo: publishTo(false) });
    await log.checkpoint();
    await log.publishToFolder();
    expect(existsSync(join(folder, 'tile/0'))).toBe(true);
    expect(existsSync(join(folder, 'tile/entries'))).toBe(false);
    await log.stop();
  });

  it('is readable by a web server, and no file is ever rewritten', async () => {
    const log = await rig.open({ publishTo: publishTo() });
    await log.checkpoint();
    await log.publishToFolder();
    const before = new Map(
      filesIn(folder)
        .filter((path) => path !== 'checkpoint')
        .map((path) => [path, statSync(join(folder, path))]),
    );
    expect(statSync(join(folder, 'checkpoint')).mode & 0o777).toBe(0o644);
    await grow(log, 600);
    await log.checkpoint();
    await log.publishToFolder();
    for (const [path, { ino, mtimeMs }] of before) {
      if (!existsSync(join(folder, path))) continue;
      expect(statSync(join(folder, path)).ino).toBe(ino);
      expect(statSync(join(folder, path)).mtimeMs).toBe(mtimeMs);
    }
    await log.stop();
  });

  it('continues from its state after a restart, and is updated when the log stops', async () => {
    const first = await rig.open({ publishTo: publishTo() });
    await grow(first, 20);
    await first.stop();
    const size = await verifyFolder(first);
    const second = await rig.open({ publishTo: publishTo() });
    await grow(second, 300);
    await second.stop();
    expect(await verifyFolder(second)).toBeGreaterThan(size + 300n);
  });

  it('belongs to one publisher at a time', async () => {
    const first = await rig.open({ publishTo: publishTo() });
    await expect(rig.open({ publishTo: publishTo() })).rejects.toMatchObject({ code: 'log_folder_unusable' });
    await first.stop();
    const second = await rig.open({ publishTo: publishTo() });
    await second.stop();
  });

  it('follows publication and not signatures: without a quorum nothing is added', async () => {
    const own = await createRig();
    const witness = await startTestWitness('alpha');
    const witnessing = {
      policy: `${witness.line}quorum alpha\n`,
      exchange: fetchExchange,
      everyMs: 3_600_000,
      timeoutMs: 30_000,
    };
    const log = await own.open({ publishTo: publishTo(), witnessing });
    await witness.goAway();
    await log.publishToFolder();
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false);
    await witness.comeBack();
    const note = await log.checkpoint();
    await log.publishToFolder();
    expect(readFileSync(join(folder, 'checkpoint'), 'utf8')).toBe(note);
    await own.close();
    await witness.stop();
  });

  it.each([
    ['another byte in a tile', 'tile/0/000', (file: string) => flip(file)],
    ['another byte in a bundle', 'tile/entries/000', (file: string) => flip(file)],
    ['a tile that was cut', 'tile/0/000', (file: string) => truncateSync(file, 100)],
  ])('with %s in its way stops and names it', async (_, path, damage) => {
    const log = await rig.open({ publishTo: publishTo() });
    await log.checkpoint();
    await log.publishToFolder();
    // As if the publisher had stopped before its checkpoint, and another party had changed the folder since.
    rmSync(join(folder, 'checkpoint'));
    damage(join(folder, path));
    await log.append(draft());
    await log.checkpoint();
    const failure = await log.publishToFolder().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ detail: expect.stringContaining(path) });
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false);
    await log.stop();
  });

  it('is not overwritten with an older or a different history', async () => {
    const log = await rig.open({ publishTo: publishTo() });
    await log.checkpoint();
    await log.publishToFolder();
    await log.stop();
    const other = await createRig();
    const fork = await other.open({ signer: rig.signer, publishTo: publishTo() });
    await fork.checkpoint();
    const inconsistent = { code: 'log_inconsistent' };
    await expect(fork.publishToFolder()).rejects.toMatchObject(inconsistent);
    await grow(fork, 2_500);
    await fork.checkpoint();
    const before = readFileSync(join(folder, 'checkpoint'));
    await expect(fork.publishToFolder()).rejects.toMatchObject(inconsistent);
    expect(readFileSync(join(folder, 'checkpoint'))).toEqual(before);
    await other.close();
  });
});

describe('a mirror', () => {
  let log: RunningAuditLog;
  let served: Server;
  let address: string;
  /** The answer given instead of the log's. */
  let instead: (path: string) => Buffer | undefined;
  beforeAll(async () => {
    log = await rig.open();
    served = createServer((request, response) => {
      const path = (request.url ?? '').slice(1);
      const lie = instead(path);
      if (lie !== undefined) return void response.end(lie);
      void answer(path).then((bytes) => (bytes === undefined ? response.writeHead(404).end() : response.end(bytes)));
    });
    await new Promise<void>((resolve) => served.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(served.address() as AddressInfo).port}`;
  });
  afterAll(() => served.close());
  afterEach(() => {
    instead = () => undefined;
  });
  beforeEach(() => {
    instead = () => undefined;
  });

  async function answer(path: string): Promise<Buffer | undefined> {
    const { parseTilePath } = await import('@countersign/merkle-log');
    const resource = parseTilePath(path);
    if (resource === undefined) return undefined;
    return resource.kind === 'tile' ? log.tile(resource.tile) : log.entryBundle(resource.bundle);
  }

  async function mirror(note: string, to = folder) {
    const source = sourceOf(async (path) => {
      const got = await fetch(`${address}/${path}`);
      return got.ok ? Buffer.from(await got.arrayBuffer()) : undefined;
    });
    return mirrorLog({ folder: to, source, note, open: headOf(log), entries: true });
  }

  it('copies a log and follows it, verifying what it copies', async () => {
    await grow(log, 700);
    await mirror(await log.checkpoint());
    await grow(log, 300);
    const second = await mirror(await log.checkpoint());
    expect(await verifyFolder(log)).toBe(second.size);
    // Nothing new: only partial tiles are written.
    expect((await mirror(await log.checkpoint())).size).toBe(second.size);
  });

  it.each(['tile/0/001', 'tile/1/000.p/', 'tile/entries/002', 'tile/0/00'])(
    'accepts only what was signed: a false %s is detected',
    async (where) => {
      const note = await log.checkpoint();
      instead = (path) => {
        if (!path.startsWith(where)) return undefined;
        return Buffer.alloc(path.includes('.p/') ? 32 * Number(path.split('/').at(-1)) : 8_192, 7);
      };
      await expect(mirror(note)).rejects.toMatchObject({ code: 'log_copy_unverified' });
      expect(existsSync(join(folder, 'checkpoint'))).toBe(false);
      instead = () => undefined;
      // What it accepted before is valid, and it continues from there.
      await mirror(note);
      await verifyFolder(log);
    },
  );

  it('accepts no checkpoint that does not extend its own, and keeps its own', async () => {
    const older = await log.checkpoint();
    await grow(log, 10);
    await mirror(await log.checkpoint());
    const kept = readFileSync(join(folder, 'checkpoint'));
    await expect(mirror(older)).rejects.toMatchObject({ code: 'log_inconsistent' });
    expect(readFileSync(join(folder, 'checkpoint'))).toEqual(kept);
  });

  it('reports how many entry bundles it did not receive', async () => {
    const note = await log.checkpoint();
    const source = sourceOf(async (path) => (path.includes('entries') ? undefined : answer(path)));
    const copied = await mirrorLog({ folder, source, note, open: headOf(log), entries: true });
    expect(copied.missingBundles).toBeGreaterThan(0);
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}
