import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkServedLog,
  type ServedLogCheck,
  type SignedHead,
  type ServedLog as SourceOfLog,
} from '@countersign/evidence';
import { CodedError, isCodedError } from '@countersign/kernel';
import { decodeEntryBundle, type EntryBundle } from '@countersign/merkle-log';
import { type ConnectionOptions, connect } from '../../connection.ts';
import { bold, dim, exitCodes, green, print, progressLine, red, yellow } from '../../output.ts';
import { type KnownLog, knownLog, type LogTrust, type ReadCheckpoint } from './checkpoint-reader.ts';
import { publishedKey } from './published-key.ts';
import { logAt, logFrom, ownLog, type ServedLog } from './served-log.ts';

export interface FsckFlags extends LogTrust {
  /** Prefix of a log (C2SP tlog-tiles). */
  readonly from?: string;
  /** Folder to which a log was published, or copied. */
  readonly folder?: string;
  /** File with an earlier checkpoint that the reader kept. */
  readonly earlier?: string;
  readonly json?: boolean;
}

/** The result, for display and for programs. */
type Finding =
  | (Extract<ServedLogCheck, { ok: true }> & { readonly anchored: boolean; readonly earlier: bigint | undefined })
  | { readonly ok: false; readonly reason: string; readonly detail: string; readonly index?: bigint };

/**
 * Recomputes a served log from its entries and compares it with the signed checkpoint, a witness policy and an earlier
 * checkpoint.
 *
 * @returns `ok`; `unverified` with the first fault; `unanchored` if the key came from the log itself; `incomplete` if entries
 * could not be read, or if a log of this product contains entries of another implementation
 */
export async function fsck(flags: FsckFlags, options: ConnectionOptions): Promise<number> {
  if (flags.from !== undefined && flags.folder !== undefined)
    throw unusable('A log is checked where it is served (--from), or in a folder (--folder).');
  const connection = flags.from === undefined && flags.folder === undefined ? connect(options) : undefined;
  const anchored = flags.logKey !== undefined || flags.policy !== undefined || connection === undefined;
  const trust = anchored ? flags : { logKey: await publishedKey(connection.issuer) };
  // Settings that cannot be used are reported before the log is asked.
  await knownLog(trust);
  const served =
    connection !== undefined
      ? ownLog(connection)
      : flags.folder === undefined
        ? logAt(flags.from ?? '')
        : logIn(flags.folder);
  const finding = await check({
    ...{ served, trust, anchored },
    earlier: flags.earlier,
    // The log of a control plane contains only its records. Another log may contain any entries.
    foreignEntries: connection === undefined,
  });
  if (flags.json === true) print(JSON.stringify(asJson(finding)));
  else say(finding);
  if (!finding.ok) return exitCodes.unverified;
  if (!finding.anchored) return exitCodes.unanchored;
  return finding.unread > 0 || isMixed(finding) ? exitCodes.incomplete : exitCodes.ok;
}

/** Only some entries are records of this product, which its implementation never produces. */
function isMixed({ size, pruned, unread, foreign }: Extract<Finding, { ok: true }>): boolean {
  return foreign > 0 && BigInt(foreign + pruned + unread) < size;
}

async function check({
  served,
  trust,
  anchored,
  earlier: file,
  foreignEntries,
}: {
  readonly served: ServedLog;
  readonly trust: LogTrust;
  readonly anchored: boolean;
  readonly earlier: string | undefined;
  readonly foreignEntries: boolean;
}): Promise<Finding> {
  let known: KnownLog;
  let head: SignedHead;
  const note = await served.checkpoint();
  if (note === undefined) return { ok: false, reason: 'checkpoint_missing', detail: 'The log shows no checkpoint.' };
  try {
    // Read after the checkpoint: the handover to its key is then among them.
    known = await knownLog(trust, await served.keys());
    head = known.read(note.toString());
  } catch (error) {
    if (!isCodedError(error, 'checkpoint_unverified')) throw error;
    return { ok: false, reason: error.code, detail: error.detail };
  }
  const held = file === undefined ? undefined : readHeld(file, known.read);
  const line = progressLine();
  const found = await checkServedLog({
    source: sourceOf(served),
    head,
    earlier: held,
    handovers: known.handovers,
    foreignEntries,
    onProgress: (done, of) => line.update(`${done} of ${of} entries`),
  });
  line.end(dim(`${head.size} entries to check`));
  return found.ok ? { ...found, anchored, earlier: held?.size } : found;
}

/** @throws CodedError `checkpoint_unverified` if the reader's checkpoint does not belong to this log */
function readHeld(file: string, open: ReadCheckpoint): SignedHead {
  if (!existsSync(file)) throw unusable(`There is no file ${file}.`);
  return open(readFileSync(file, 'utf8'));
}

function logIn(folder: string): ServedLog {
  if (!existsSync(folder)) throw unusable(`There is no folder ${folder}.`);
  return logFrom(async (path) => {
    const file = join(folder, path);
    return existsSync(file) ? readFile(file) : undefined;
  });
}

function sourceOf(served: ServedLog): SourceOfLog {
  return {
    tile: served.tile,
    async entries(bundle) {
      const whole = await served.entryBundle(bundle);
      if (whole !== undefined) return decoded(whole, bundle);
      const left = await served.entriesLeft?.(bundle);
      if (left === undefined) return undefined;
      return decoded(left, bundle).map((entry) => (entry.length === 0 ? undefined : entry));
    },
  };
}

/** An undecodable bundle counts as empty and is reported with its place. */
function decoded(bytes: Uint8Array, bundle: EntryBundle): readonly Buffer[] {
  const read = decodeEntryBundle(bytes, bundle.width);
  return read.ok ? read.entries : [];
}

function say(finding: Finding): void {
  if (!finding.ok) {
    print(`${bold(red(finding.reason))}  ${finding.detail}`);
    return;
  }
  const { size, root, pruned, unread, foreign, anchored, earlier } = finding;
  print(`${green('ok')}  ${size} entries hash to the signed root ${dim(root.toString('base64'))}`);
  if (earlier !== undefined) print(`${green('ok')}  they extend the ${earlier} entries of the earlier checkpoint`);
  if (pruned > 0) print(`${pruned} entries are gone, as the log says; their hashes are in the tree.`);
  if (unread > 0)
    print(`${yellow('incomplete')}  ${unread} entries were not to be had: of them the hashes alone were checked.`);
  if (foreign > 0)
    print(
      `${yellow('not checked')}  ${foreign} entries are no records of Countersign. Their hashes were checked; what they say, their times and their numbering were not.`,
    );
  if (isMixed(finding))
    print(
      `${yellow('incomplete')}  The other entries are records of Countersign, which writes no other entries into its log. Find out who wrote these.`,
    );
  if (!anchored)
    print(`${yellow('unanchored')}  The key was the one this log publishes. Pass yours with --log-key or --policy.`);
}

function asJson(finding: Finding) {
  if (!finding.ok) return { ...finding, ...(finding.index === undefined ? {} : { index: finding.index.toString() }) };
  const { size, root, earlier, ...rest } = finding;
  return {
    ...rest,
    size: size.toString(),
    root: root.toString('base64'),
    ...(earlier === undefined ? {} : { earlier: earlier.toString() }),
  };
}

function unusable(detail: string): CodedError {
  return new CodedError({ code: 'fsck_settings', category: 'invalid', detail });
}
