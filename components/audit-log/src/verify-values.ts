import type { LogFault } from '@countersign/evidence';
import { sha256Base64Url } from '@countersign/kernel';
import type { Protection } from './protection/protection.ts';
import { logEntry } from './record-json.ts';
import type { KeptValue, VerificationStore } from './store/verification.ts';

/**
 * What is kept beside records, against the digests in them. A value may be gone with its key, and in no other way; what no
 * record commits to has been put there.
 */
export async function sealedValueFault({
  besides,
  protection,
  entries,
}: {
  readonly besides: VerificationStore;
  readonly protection: Pick<Protection, 'firstBrokenKey'>;
  readonly entries: readonly { readonly index: bigint; readonly bytes: Buffer; readonly recordId: string }[];
}): Promise<LogFault | undefined> {
  const committed = entries.map((entry) => ({ ...entry, commitments: logEntry(entry).record.protected ?? {} }));
  const keys = [...new Set(committed.flatMap(({ commitments }) => Object.values(commitments).map(({ key }) => key)))];
  if (keys.length === 0) return undefined;
  const kept = await besides.valuesOf(
    entries.map(({ recordId }) => recordId),
    keys,
  );
  const states = await besides.erasedKeys(keys);
  const broken = await protection.firstBrokenKey(keys);
  const byPlace = new Map(kept.map((value) => [placeOf(value), value]));
  for (const { index, recordId, commitments } of committed)
    for (const [path, { key, ciphertext }] of Object.entries(commitments)) {
      const place = placeOf({ recordId, path });
      const value = byPlace.get(place);
      byPlace.delete(place);
      const wrong =
        valueFault(value, { key, ciphertext, erased: states.get(key) }) ??
        (key === broken
          ? { reason: 'key_altered', what: `is kept under ${key}, which does not open: it is not what was stored` }
          : undefined);
      if (wrong !== undefined)
        return { ok: false, reason: wrong.reason, detail: `What entry ${index} says at ${path} ${wrong.what}.`, index };
    }
  const [left] = byPlace.values();
  const index = entries.find(({ recordId }) => recordId === left?.recordId)?.index;
  if (left === undefined || index === undefined) return undefined;
  const detail = `A value is kept for ${left.path} of entry ${index}, which does not commit to one.`;
  return { ok: false, reason: 'value_unexpected', detail, index };
}

function valueFault(
  value: KeptValue | undefined,
  {
    key,
    ciphertext,
    erased,
  }: { readonly key: string; readonly ciphertext: string; readonly erased: boolean | undefined },
): { readonly reason: string; readonly what: string } | undefined {
  if (erased === undefined) return { reason: 'key_missing', what: `is kept under ${key}, and there is no such key` };
  if (value === undefined)
    return erased ? undefined : { reason: 'value_missing', what: `is gone, and its key was not destroyed` };
  if (value.key !== key || sha256Base64Url(value.ciphertext) !== ciphertext)
    return { reason: 'value_altered', what: 'is not what is kept beside it' };
  return undefined;
}

function placeOf({ recordId, path }: { readonly recordId: string; readonly path: string }): string {
  return `${recordId}\n${path}`;
}
