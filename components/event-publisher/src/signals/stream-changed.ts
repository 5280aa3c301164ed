import type { RecordDraft } from '@countersign/contracts';
import type { Json, RecordId } from '@countersign/kernel';
import type { Receiver, SignalStream } from './stream.ts';

/** The record of what a receiver does to a stream. @param more what it was given or did, beside which stream it is */
export function streamChanged(
  id: RecordId,
  operation: string,
  { id: stream, institution, audience }: SignalStream,
  by: Receiver,
  more: Readonly<Record<string, Json>> = {},
): RecordDraft {
  return {
    id,
    type: 'signal.stream-changed',
    source: 'event-publisher',
    outcome: 'done',
    subject: { id: by.id, institution: by.institution },
    client: by.client,
    data: { operation, stream, institution, audience, ...more },
  };
}
