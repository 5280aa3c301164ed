import type { Json } from '@countersign/kernel';
import { refuse } from '../authorization-endpoint/refusals.ts';
import type { ClientContext } from '../client-endpoint/index.ts';

/**
 * Binds the code to come to the key that was proved with the request (RFC 9449 section 10.1), as `dpop_jkt` does. Both
 * together must name one key. A proof of a client whose tokens are not bound by DPoP binds nothing.
 */
export function bindProofKey(
  parameters: ReadonlyMap<string, Json>,
  { client, proof }: Pick<ClientContext, 'client' | 'proof'>,
): ReadonlyMap<string, Json> {
  if (proof === undefined) return parameters;
  const named = parameters.get('dpop_jkt');
  if (named !== undefined && named !== proof.jkt)
    throw refuse('dpop_key_differs', 'The dpop_jkt is not the thumbprint of the key that signed the DPoP proof.');
  if (client.binding !== 'dpop') return parameters;
  return new Map([...parameters, ['dpop_jkt', proof.jkt]]);
}
