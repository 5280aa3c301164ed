import { type ConnectionOptions, connect } from '../../connection.ts';
import { dim, green, print, progressLine } from '../../output.ts';
import { checkpointReader, type LogTrust } from './checkpoint-reader.ts';
import { logAt, ownLog } from './served-log.ts';

export interface MirrorFlags extends LogTrust {
  readonly folder: string;
  /** Prefix of a log (C2SP tlog-tiles); that of the control plane when left out. */
  readonly from?: string;
  readonly entries: boolean;
}

/**
 * Copies a log into a folder that any web server can serve, and verifies everything on the way, by a key or a policy that
 * the reader has from elsewhere. Run again, it goes on where it was, and refuses a log that was set back or forked.
 */
export async function mirror(flags: MirrorFlags, options: ConnectionOptions): Promise<void> {
  const open = checkpointReader(flags);
  const source = flags.from === undefined ? ownLog(connect(options)) : logAt(flags.from);
  const { mirrorLog } = await import('@countersign/server');
  const line = progressLine();
  const copied = await mirrorLog({
    folder: flags.folder,
    source,
    note: String(await source.checkpoint()),
    open,
    entries: flags.entries,
    onProgress: (done, of) => line.update(`${done} of ${of} records`),
  });
  line.end(dim(`${copied.files} files looked at`));
  print(`${green('ok')}  ${copied.size} records in ${flags.folder}, as they were signed`);
  if (copied.missingBundles > 0) print(dim(`${copied.missingBundles} bundles of entries were not to be had: pruned.`));
}
