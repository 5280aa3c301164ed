import type { Json } from '@countersign/kernel';
import type { Receiver, StreamState } from './stream.ts';

/**
 * What the record of what a receiver does to a stream says.
 *
 * @param more what it was given or did, beside which stream it is
 */
export function streamChanged(
  operation: string,
  stream: Pick<StreamState, 'id' | 'institution' | 'audience'>,
  by: Receiver,
  more: Readonly<Record<string, Json>> = {},
) {
  return {
    type: 'signal.stream-changed',
    outcome: 'done',
    subject: { id: by.id, institution: by.institution },
    client: by.client,
    data: { operation, stream: stream.id, institution: stream.institution, audience: stream.audience, ...more },
  } as const;
}
