import type { AuditAppender, ClientRequest, ProtectedValue, RecordDraft, RecordType } from '@countersign/contracts';
import { oauthErrors } from '@countersign/contracts';
import type { CodedError, Json, RecordId } from '@countersign/kernel';
import type { Certificate } from '@countersign/oauth';
import { reasonOf } from '../refusal.ts';

/**
 * Facts established about a request, named as in its record. They accumulate as rules pass, so that a refusal records
 * everything known at that point. No rule depends on them.
 */
export type Established = { -readonly [Field in keyof RecordDraft]?: RecordDraft[Field] };

/** The client's source address and certificate, as the record of its request contains them. */
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

/** Records a refusal durably. Without an error, a fault of ours ended the request. */
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
  // The detail may describe the request, so it is a restricted value if the institution is known.
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

/** Facts that an endpoint added itself stay in the record of its refusal. */
function factsOf(data: Json | undefined): { readonly [name: string]: Json } {
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as { [name: string]: Json }) : {};
}
