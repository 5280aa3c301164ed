import type { Actor, AuditAppender, PolicyEngine } from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  defined,
  type IntentDigest,
  type MandateId,
  newId,
  type Random,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { Authority } from '../../../authorization-server/src/grant-handler.ts';
import { recordIssue } from '../../../authorization-server/src/token-endpoint/record.ts';

interface Permitting {
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly policyEngine: Pick<PolicyEngine, 'decide'>;
}

/** A token for an intent, of which only the record exists, written by the code that writes it for the token endpoint. */
export interface PermittedToken {
  readonly transaction: { readonly id: TransactionId; readonly intentDigest: Digest; readonly recordId: RecordId };
  readonly detail: AuthorizationDetail;
  readonly mandate: { readonly id: MandateId; readonly version: number };
  readonly initiator: Actor;
  readonly client: string;
  /** LEI of the institution whose interface it is for. */
  readonly reaches: string;
  readonly acr?: string;
  readonly device?: string;
  readonly signedInSecondsAgo?: number;
}

/** @returns the record of the token */
export async function permitToken(token: PermittedToken, permitting: Permitting): Promise<RecordId> {
  const { transaction, detail, mandate, initiator, client, reaches, acr, device, signedInSecondsAgo = 10 } = token;
  const { audit, clock, random, policyEngine } = permitting;
  const recordId = newId('record', { clock, random });
  const now = Math.floor(clock.now() / 1000);
  const audience = detail.locations[0] ?? 'https://broker.example/orders';
  const authentication = {
    method: 'jwt-bearer',
    ...(acr === undefined ? {} : { acr, authTime: now - signedInSecondsAgo }),
  };
  const decision = await policyEngine.decide({
    principal: initiator.id,
    action: 'token:issue',
    resource: { type: 'resource', uri: audience },
    context: {
      client,
      institution: initiator.institution ?? '',
      audience,
      at: clock.now(),
      scopes: [],
      mandateInForce: true,
    },
  });
  const claims = {
    iss: 'https://countersign.example',
    sub: initiator.id,
    aud: audience,
    client_id: client,
    iat: now,
    exp: now + 300,
    jti: newId('token', { clock, random }),
    scope: 'order:create',
    lei: initiator.institution,
    authorization_details: [detail],
    mandate: { id: mandate.id, version: mandate.version },
    txn: transaction.id,
    intent_digest: transaction.intentDigest as IntentDigest,
    policy_version: decision.policyVersion,
    evidence: recordId,
    ...(acr === undefined ? {} : { acr, auth_time: now - signedInSecondsAgo }),
  } as AccessTokenClaims;
  const authority = { institution: initiator.institution, ...defined({ device }) } as Authority;
  await recordIssue(
    {
      ...{ recordId, grantType: 'client_credentials', claims, accessToken: 'a.b.c', companions: undefined, decision },
      authority,
      permitted: { transaction: transaction.id, institution: reaches },
    },
    {
      subject: initiator,
      client,
      audience: [audience],
      scope: ['order:create'],
      mandate: { id: mandate.id, version: mandate.version },
      policy: { version: decision.policyVersion, hash: decision.policyHash },
      references: [decision.policyRecord, transaction.recordId],
      authentication,
      transaction: transaction.id,
      intent: transaction.intentDigest,
    },
    audit,
  );
  return recordId;
}
