import { ended, type RecordDraft, standing } from '@countersign/contracts';
import type { Json, RecordId } from '@countersign/kernel';
import { streamClaim } from '../row-claims.ts';
import type { Receiver, SignalStream } from './stream.ts';

/** The operations that set what the newest record says of a stream. */
const setsIt = new Set(['create', 'update', 'replace']);

/**
 * The record of what a receiver does to a stream.
 *
 * @param stream as it is from then on
 * @param more what it was given or did, beside which stream it is
 */
export function streamChanged(
  id: RecordId,
  operation: string,
  stream: SignalStream,
  by: Receiver,
  more: Readonly<Record<string, Json>> = {},
): RecordDraft {
  const { of, content } = streamClaim(stream);
  return {
    id,
    type: 'signal.stream-changed',
    source: 'event-publisher',
    outcome: 'done',
    subject: { id: by.id, institution: by.institution },
    client: by.client,
    data: { operation, stream: stream.id, institution: stream.institution, audience: stream.audience, ...more },
    ...(setsIt.has(operation) ? { standing: [standing(of, content)] } : {}),
    ...(operation === 'delete' ? { standing: [ended(of)] } : {}),
  };
}
