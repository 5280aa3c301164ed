import type { AuditAppender, ClientRequest, ProtectedValue, RecordDraft, RecordType } from '@countersign/contracts';
import { oauthErrors } from '@countersign/contracts';
import type { CodedError, Json, RecordId } from '@countersign/kernel';
import type { Certificate } from '@countersign/oauth';
import { reasonOf } from '../refusal.ts';

/**
 * What is known of a request so far, in the words of its record. It grows as rules pass, so that a refusal
 * records everything that had been established when it came; nothing decides by it.
 */
export type Established = { -readonly [Field in keyof RecordDraft]?: RecordDraft[Field] };

/** From where a client asks, and the certificate it shows, as the record of its request has them. */
export function circumstancesOf(
  { address, zone }: Pick<ClientRequest, 'address' | 'zone'>,
  certificate?: Certificate,
): Pick<RecordDraft, 'address' | 'zone' | 'certificate'> {
  return {
    ...(address === undefined ? {} : { address }),
    ...(zone === undefined ? {} : { zone }),
    ...(certificate === undefined
      ? {}
      : { certificate: { serial: certificate.serial, thumbprint: certificate.thumbprint } }),
  };
}

/** Makes a refusal durable. Without an error it is a fault of ours that ended the request. */
export async function recordRefusal(
  refused: {
    readonly recordId: RecordId;
    readonly endpoint: { readonly name: string; readonly refusalType: RecordType };
    readonly error: CodedError | undefined;
  },
  established: Established,
  audit: AuditAppender,
): Promise<void> {
  const { error, endpoint } = refused;
  const institution = established.subject?.institution;
  // The detail may describe what was asked for, so it is a restricted value where the institution is known.
  const told: readonly ProtectedValue[] =
    error === undefined || institution === undefined
      ? []
      : [{ path: '/data/detail', kind: 'strategy', subject: institution, value: error.detail }];
  await audit.append({
    ...established,
    id: refused.recordId,
    type: oauthErrors.is(error, 'invalid_client') ? 'client.refused' : endpoint.refusalType,
    source: 'authorization-server',
    outcome: 'deny',
    reason: error === undefined ? 'internal_error' : reasonOf(error),
    data: {
      ...factsOf(established.data),
      endpoint: endpoint.name,
      ...(error === undefined ? {} : { error: error.code }),
      ...(error === undefined || told.length > 0 ? {} : { detail: error.detail }),
    },
    protectedValues: [...(established.protectedValues ?? []), ...told],
  });
}

/** What an endpoint noted as facts of its own stays in the record of its refusal. */
function factsOf(data: Json | undefined): { readonly [name: string]: Json } {
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as { [name: string]: Json }) : {};
}
