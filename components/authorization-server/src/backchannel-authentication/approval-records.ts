import type { Grant, GrantTerms, RecordDraft, SignIn } from '@countersign/contracts';
import type { CodedError, RecordId } from '@countersign/kernel';
import { reasonOf } from '../refusal.ts';
import type { KeptRequest } from './store.ts';

/** What is known when a person decides on their own device. */
export interface ApprovalFacts {
  readonly request: KeptRequest;
  readonly signIn: SignIn;
  readonly terms?: Pick<GrantTerms, 'scopes' | 'resources'>;
  readonly address: string;
}

/** The person allowed it: joins the consent with the request that it answers. */
export function approvalRecord(id: RecordId, facts: ApprovalFacts & { readonly grant: Grant }): RecordDraft {
  const { grant } = facts;
  return {
    ...common({ ...facts, terms: grant }, [grant.recordId]),
    id,
    type: 'authorization.granted',
    outcome: 'permit',
    data: { endpoint: 'approvals', grant: grant.id, grant_version: grant.version, ...identifierOf(facts) },
  };
}

/** @param grounds records that it rests on beside the request */
export function refusedApprovalRecord(
  id: RecordId,
  error: CodedError,
  facts: ApprovalFacts,
  grounds: readonly RecordId[] = [],
): RecordDraft {
  return {
    ...common(facts, grounds),
    id,
    type: 'backchannel.refused',
    outcome: 'deny',
    reason: reasonOf(error),
    data: { endpoint: 'approvals', error: error.code, detail: error.detail, ...identifierOf(facts) },
  };
}

function common({ request, signIn, terms, address }: ApprovalFacts, grounds: readonly RecordId[]) {
  return {
    source: 'authorization-server',
    client: request.client,
    subject: { id: signIn.person },
    references: [...grounds, request.recordId],
    authentication: { acr: signIn.acr, amr: signIn.amr, authTime: signIn.authTime },
    ...(terms === undefined ? {} : { scope: terms.scopes }),
    ...(terms === undefined || terms.resources.length === 0 ? {} : { audience: terms.resources }),
    address,
  };
}

function identifierOf({ request }: ApprovalFacts) {
  return { auth_req_id_sha256: request.hash.toString('base64url') };
}
