import { type ConnectionOptions, connect } from '../../connection.ts';
import { dim, green, print, progressLine } from '../../output.ts';
import { knownLog, type LogTrust } from './checkpoint-reader.ts';
import { logAt, ownLog } from './served-log.ts';

export interface MirrorFlags extends LogTrust {
  readonly folder: string;
  /** Prefix of a log (C2SP tlog-tiles). Default: that of the control plane. */
  readonly from?: string;
  readonly entries: boolean;
}

/**
 * Copies a log to a folder that any web server can serve, and verifies everything with the reader's own key or policy. A later
 * run continues, and rejects a log that was rolled back or forked.
 */
export async function mirror(flags: MirrorFlags, options: ConnectionOptions): Promise<void> {
  await knownLog(flags);
  const source = flags.from === undefined ? ownLog(connect(options)) : logAt(flags.from);
  const { mirrorLog } = await import('@countersign/server');
  const note = String(await source.checkpoint());
  // Read after the checkpoint: the handover to its key is then among them.
  const keys = await source.keys();
  const known = await knownLog(flags, keys);
  const line = progressLine();
  const copied = await mirrorLog({
    folder: flags.folder,
    source,
    note,
    open: known.read,
    ...(keys === undefined ? {} : { succession: { heads: known.handovers, document: keys.toString() } }),
    entries: flags.entries,
    onProgress: (done, of) => line.update(`${done} of ${of} records`),
  });
  line.end(dim(`${copied.files} files looked at`));
  print(`${green('ok')}  ${copied.size} records in ${flags.folder}, as they were signed`);
  if (copied.missingBundles > 0) print(dim(`${copied.missingBundles} bundles of entries were not to be had: pruned.`));
}
