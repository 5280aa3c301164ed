import { completeDraft, type EvidenceRecord, type RecordDraft } from '@countersign/contracts';
import { canonicalize } from '@countersign/kernel';
import type { Protection, SealedDraft } from './protection/protection.ts';

/**
 * Was this record written from this draft? Its time, number and clock are those of the first writing, and so are the
 * salts of its commitments: the rest must be the same, and what is protected must say the same, as far as it can still
 * be read.
 */
export async function isSameDraft({
  draft,
  sealed,
  written,
  protection,
}: {
  readonly draft: RecordDraft;
  readonly sealed: SealedDraft;
  readonly written: Buffer;
  readonly protection: Protection;
}): Promise<boolean> {
  const record = JSON.parse(written.toString()) as EvidenceRecord;
  const { v, time: _time, stream: _stream, number: _number, clock: _clock, protected: _protected, ...open } = record;
  // Before there were protected values everything stood in the record.
  if (v === 1) return canonicalize(open) === canonicalize(completeDraft(draft));
  if (canonicalize(open) !== canonicalize(JSON.parse(sealed.json))) return false;
  const told = await protection.toldBy(record);
  return told === undefined || told === sealed.told;
}
