import type { AuditAppender, ClientRequest, ProtectedValue, RecordDraft, RecordType } from '@countersign/contracts';
import { oauthErrors } from '@countersign/contracts';
import { type CodedError, defined, type Json, membersOf, type RecordId } from '@countersign/kernel';
import type { Certificate } from '@countersign/oauth';
import { reasonOf } from '../refusal.ts';

/** Named as in the record. They accumulate as rules pass; no rule depends on them. */
export type Established = { -readonly [Field in keyof RecordDraft]?: RecordDraft[Field] };

/** For the record of the request. */
export function circumstancesOf(
  { address, zone }: Pick<ClientRequest, 'address' | 'zone'>,
  certificate?: Certificate,
): Pick<RecordDraft, 'address' | 'zone' | 'certificate'> {
  const shown = certificate && { serial: certificate.serial, thumbprint: certificate.thumbprint };
  return defined({ address, zone, certificate: shown });
}

/** Without an error, a fault of ours ended the request. */
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
  // Restricted if the institution is known, because it may describe the request.
  const restricted: readonly ProtectedValue[] =
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
      ...(error === undefined || restricted.length > 0 ? {} : { detail: error.detail }),
    },
    protectedValues: [...(established.protectedValues ?? []), ...restricted],
  });
}

function factsOf(data: Json | undefined): { readonly [name: string]: Json } {
  return membersOf(data) ?? {};
}
