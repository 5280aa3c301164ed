import { type TransitionRequest, transactionErrors, transactionEvents } from '@countersign/contracts';
import { type Digest, digestOf } from '@countersign/kernel';

export interface Asked extends TransitionRequest {
  readonly bodyDigest: Digest;
  readonly institution: string;
}

export function parseTransitionRequest(request: TransitionRequest): Asked {
  const { event, idempotencyKey, body, by } = request;
  if (!transactionEvents.includes(event))
    throw transactionErrors.error('transition_invalid', `There is no event but ${transactionEvents.join(', ')}.`);
  if (idempotencyKey === '')
    throw transactionErrors.error(
      'idempotency_key_missing',
      'A transition needs an idempotency key, so that repeating it is safe.',
    );
  if (!/^[\x21-\x7e]{1,128}$/.test(idempotencyKey))
    throw transactionErrors.error('transition_invalid', 'The idempotency key is 1 to 128 visible ASCII characters.');
  if (by.institution === undefined)
    throw transactionErrors.error('transition_not_permitted', 'The caller acts for no institution.');
  return { ...request, bodyDigest: digestOf(body), institution: by.institution };
}
