import type { ProtectedValue, RecordDraft } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { saysNothing, strategyOf } from './records.ts';
import type { Asked } from './transition-request.ts';

type AskedBody = Pick<Asked, 'body' | 'bodyDigest' | 'institution'>;

/**
 * The digest of a body, for the record of the step that it was sent with. A price and a quantity are few enough to be tried
 * out on a digest, one after the other: where the body says anything, its digest is told to those who are told the body. In
 * the open the commitment stands for it, which has a salt.
 */
export function digestInTheOpen({ body, bodyDigest }: AskedBody): { readonly body_digest?: Json } {
  return saysNothing(body as Json) ? { body_digest: bodyDigest } : {};
}

/** As {@link digestInTheOpen}, of the payload of the request. */
export function payloadInTheOpen({ body, bodyDigest }: AskedBody): Pick<RecordDraft, 'payload'> {
  return saysNothing(body as Json) ? { payload: bodyDigest } : {};
}

/** What {@link digestInTheOpen} leaves out. */
export function digestToldToFew({ body, bodyDigest, institution }: AskedBody): readonly ProtectedValue[] {
  return saysNothing(body as Json) ? [] : strategyOf(institution, { body_digest: bodyDigest });
}
