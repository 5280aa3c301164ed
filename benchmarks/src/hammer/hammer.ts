import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordDraft, RecordReceipt } from '@countersign/contracts';
import { isCodedError, newId, systemClock, systemRandom } from '@countersign/kernel';
import { decodeEntryBundle, hashLeaf, verifyInclusion } from '@countersign/merkle-log';
import { type HammeredLog, type HammeredNode, startHammeredLog } from './hammered-log.ts';
import { createKnownHeads, type KnownHead } from './known-heads.ts';
import { checkFolder } from './published-folder.ts';

export interface HammerReport {
  readonly appended: number;
  /** Records that were read back on the other node, with a verified proof of inclusion. */
  readonly proved: number;
  readonly consistent: number;
  readonly verifications: number;
  readonly folders: number;
  readonly restarts: number;
  /** Appends that came while a node was being restarted. */
  readonly refused: number;
  readonly size: bigint;
}

const appendersPerNode = 24;
const readers = 4;
const keptReceipts = 100_000;
const restartEveryMs = 20_000;

/**
 * Appends, reads, proves and verifies at once for a while, and checks every answer as it comes.
 *
 * @throws Error with the first thing that is not as it must be
 */
export async function hammer({
  minutes,
  folder,
  onProgress,
}: {
  readonly minutes: number;
  readonly folder: string;
  readonly onProgress: (message: string) => void;
}): Promise<HammerReport> {
  const site = await startHammeredLog({ folder, onProgress });
  try {
    return await run(site, minutes, onProgress);
  } finally {
    await site.stop();
  }
}

async function run(site: HammeredLog, minutes: number, onProgress: (message: string) => void): Promise<HammerReport> {
  const [a, b] = site.nodes;
  const heads = createKnownHeads(site);
  const receipts: RecordReceipt[] = [];
  const counts = { appended: 0, proved: 0, verifications: 0, folders: 0, restarts: 0, refused: 0 };
  const stopping = new AbortController();
  const { signal } = stopping;
  // Everyone waits for it.
  setMaxListeners(0, signal);
  let failure: unknown;
  let inFolder: KnownHead | undefined;
  let verified = 0n;

  /** Does something again and again until the end, or until anything has failed. */
  async function repeat(work: () => Promise<void>, pauseMs = 0): Promise<void> {
    while (!signal.aborted)
      try {
        await work();
        await sleep(pauseMs, undefined, { signal, ref: true }).catch(() => undefined);
      } catch (error) {
        failure ??= error;
        stopping.abort();
      }
  }

  async function append(node: HammeredNode): Promise<void> {
    const receipt = await whileOpen(() => node.log().append(draft(counts.appended)));
    if (receipt === undefined) {
      counts.refused++;
      return;
    }
    counts.appended++;
    // A ring: what is read back is from the whole of it.
    if (receipts.length < keptReceipts) receipts.push(receipt);
    else receipts[Math.floor(Math.random() * keptReceipts)] = receipt;
  }

  async function readBack(node: HammeredNode): Promise<void> {
    const receipt = receipts[Math.floor(Math.random() * receipts.length)];
    const head = heads.newest();
    if (receipt === undefined || head === undefined || receipt.index >= head.size) return sleep(5);
    const answers = await whileOpen(async () => {
      const log = node.log();
      const index = receipt.index / 256n;
      const left = head.size - index * 256n;
      const width = left < 256n ? Number(left) : 256;
      return Promise.all([
        log.find(receipt.id),
        log.entryBundle({ index, width }).then((bytes) => decodeEntryBundle(bytes ?? Buffer.alloc(0), width)),
        log.proveInclusion(receipt.index, head.size),
      ]);
    });
    if (answers === undefined) return;
    const [found, bundle, proof] = answers;
    const bytes = bundle.ok ? bundle.entries[Number(receipt.index % 256n)] : undefined;
    if (found?.index !== receipt.index || bytes === undefined)
      throw new Error(`the record ${receipt.id} was acknowledged at ${receipt.index} and is not there`);
    if (found.record.time !== receipt.time || !bytes.includes(receipt.id))
      throw new Error(`the record ${receipt.id} is not the one that was acknowledged`);
    const { ok } = verifyInclusion({
      index: receipt.index,
      size: head.size,
      leafHash: hashLeaf(bytes),
      root: head.root,
      proof,
    });
    if (!ok) throw new Error(`the proof of ${receipt.index} in the tree of ${head.size} does not verify`);
    counts.proved++;
  }

  async function watch(node: HammeredNode): Promise<void> {
    await whileOpen(async () => {
      const note = await node.log().published();
      if (note !== undefined) await heads.add(heads.open(note), (from, to) => node.log().proveConsistency(from, to));
    });
  }

  async function verifyAll(node: HammeredNode): Promise<void> {
    const verdict = await whileOpen(() => node.log().verify());
    if (verdict === undefined) return;
    if (!verdict.ok) throw new Error(`the log: ${verdict.reason}: ${verdict.detail}`);
    verified = verdict.size;
    counts.verifications++;
  }

  async function verifyFolder(): Promise<void> {
    const head = await checkFolder(site.published, heads.open, inFolder);
    if (head === undefined) return;
    inFolder = head;
    counts.folders++;
  }

  const began = performance.now();
  let before = { at: began, appended: 0 };
  function report(): void {
    const now = performance.now();
    const rate = ((counts.appended - before.appended) / (now - before.at)) * 1_000;
    before = { at: now, appended: counts.appended };
    onProgress(
      `${counts.appended} appended (${Math.round(rate)}/s), ${counts.proved} proved, ${heads.consistent()} consistent, ` +
        `whole log verified ${counts.verifications} times (to ${verified}), folder ${counts.folders} times (to ${inFolder?.size ?? 0n}), ` +
        `${counts.restarts} restarts`,
    );
  }

  const reporting = setInterval(report, 5_000);
  const ending = setTimeout(() => stopping.abort(), minutes * 60_000);
  await Promise.all([
    ...[a, b].flatMap((node) => Array.from({ length: appendersPerNode }, () => repeat(() => append(node)))),
    // Each is read on the one node or the other, wherever it was written.
    ...Array.from({ length: readers }, (_, number) => repeat(() => readBack(number % 2 === 0 ? a : b))),
    repeat(() => watch(a), 50),
    repeat(() => watch(b), 50),
    repeat(() => verifyAll(a), 2_000),
    repeat(verifyFolder, 2_000),
    repeat(async () => {
      await sleep(restartEveryMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await b.restart();
      counts.restarts++;
    }),
  ]);
  clearInterval(reporting);
  clearTimeout(ending);
  if (failure !== undefined) throw failure;

  onProgress('to the end: everything that was acknowledged, the whole log, the whole folder');
  const last = heads.open(await a.log().checkpoint());
  await heads.add(last, (from, to) => a.log().proveConsistency(from, to));
  await verifyAll(a);
  await a.log().publishToFolder();
  await verifyFolder();
  if ((inFolder?.size ?? 0n) < last.size) throw new Error('the folder has not been brought up to what is published');
  const kept = await a.log().count({ types: ['access.refused'] });
  // Of those that were refused with `log_unavailable` nobody knows.
  if (kept < counts.appended || kept > counts.appended + counts.refused)
    throw new Error(
      `${counts.appended} records were acknowledged, ${counts.refused} refused, and ${kept} are in the log`,
    );
  report();
  return { ...counts, consistent: heads.consistent(), size: last.size };
}

/** A node that is being restarted answers with a code of its own; another one would be a fault. */
async function whileOpen<Answer>(work: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isCodedError(error, 'log_unavailable') && !isCodedError(error, 'shutting_down')) throw error;
    await sleep(20);
    return undefined;
  }
}

function draft(number: number): RecordDraft {
  return {
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type: 'access.refused',
    source: 'hammer',
    outcome: 'deny',
    reason: 'hammer',
    ...(number % 4 === 0 ? { address: '192.0.2.1' } : {}),
    data: { number },
  };
}
