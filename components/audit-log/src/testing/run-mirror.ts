import { entryBundlePath, parseVerifierKey, tilePath, verifyCheckpoint } from '@countersign/merkle-log';
import { mirrorLog } from '../publication/copy-log.ts';

/** Copies the log at an address into a folder. @returns its size */
export async function runMirror({
  address,
  folder,
  vkey,
}: {
  readonly address: string;
  readonly folder: string;
  readonly vkey: string;
}): Promise<string> {
  const key = parseVerifierKey(vkey);
  if (!key.ok) throw new Error(key.reason);
  const get = async (path: string): Promise<Buffer | undefined> => {
    const answer = await fetch(`${address}/${path}`);
    return answer.ok ? Buffer.from(await answer.arrayBuffer()) : undefined;
  };
  const { size } = await mirrorLog({
    folder,
    source: { tile: (tile) => get(tilePath(tile)), entryBundle: (bundle) => get(entryBundlePath(bundle)) },
    note: String(await get('checkpoint')),
    open(note) {
      const verdict = verifyCheckpoint({ signedNote: note, origin: key.key.name, logKeys: [key.key] });
      if (!verdict.ok) throw new Error(verdict.reason);
      return verdict.checkpoint;
    },
    entries: true,
  });
  return size.toString();
}
