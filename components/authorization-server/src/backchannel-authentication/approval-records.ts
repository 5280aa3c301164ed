import type { Grant, GrantTerms, RecordDraft, SignedStatement, SignIn } from '@countersign/contracts';
import type { CodedError, Json, RecordId } from '@countersign/kernel';
import { reasonOf } from '../refusal.ts';
import type { KeptRequest } from './store.ts';

/** What is known when a person decides on their own device. */
export interface ApprovalFacts {
  readonly request: KeptRequest;
  readonly signIn: SignIn;
  /** With what they signed it. */
  readonly signed?: SignedStatement | undefined;
  readonly terms?: Pick<GrantTerms, 'scopes' | 'resources'>;
  readonly address: string;
}

/** The person allowed it: joins the consent with the request that it answers. */
export function approvalRecord(id: RecordId, facts: ApprovalFacts & { readonly grant: Grant }): RecordDraft {
  const { grant, signed } = facts;
  const grounds = [grant.recordId, ...(signed === undefined ? [] : [signed.authenticator.recordId])];
  return {
    ...common({ ...facts, terms: grant }, grounds),
    id,
    type: 'authorization.granted',
    outcome: 'permit',
    data: {
      endpoint: 'approvals',
      grant: grant.id,
      grant_version: grant.version,
      ...identifierOf(facts),
      ...proofOf(signed),
    },
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

/** The assertion whole: it is verified again from the record alone. */
function proofOf(signed: SignedStatement | undefined): Readonly<Record<string, Json>> {
  if (signed === undefined) return {};
  const { claims, signature, authenticator } = signed;
  return {
    statement: { claims: { ...claims }, signature: { ...signature } },
    key: { ...authenticator.jwk },
    authenticator: authenticator.id,
  };
}

function identifierOf({ request }: ApprovalFacts) {
  return { auth_req_id_sha256: request.hash.toString('base64url') };
}
