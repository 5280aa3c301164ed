import type { Client } from '@countersign/contracts';
import type { AccessTokenClaims, TransactionTokenClaims } from '@countersign/oauth';
import { asJson } from '../token-endpoint/record.ts';
import type { Report } from './report.ts';

/**
 * The claims of a transaction token (draft section 9.2). What we know stands by itself in `tctx` and `rctx`; what the
 * requester reports stands under the name of the parameter it came in, so that nobody takes it for ours.
 *
 * @param client the workload that asks: its principal is `req_wl`
 */
export function composeTransactionToken(
  granted: AccessTokenClaims,
  client: Client,
  { details, context }: Report,
): TransactionTokenClaims {
  const { iss, aud, iat, exp, sub, scope, txn, evidence } = granted;
  const { lei, act, mandate, intent_digest, authorization_details, acr, auth_time } = granted;
  const surroundings = {
    ...(acr === undefined ? {} : { acr }),
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(context === undefined ? {} : { request_context: context }),
  };
  return {
    iss,
    aud,
    iat,
    exp,
    // A call that belongs to no transaction of the market is one by itself, and named by the record of its token.
    txn: txn ?? evidence,
    sub,
    scope,
    req_wl: client.principal,
    tctx: {
      lei,
      evidence,
      ...(act === undefined ? {} : { act: asJson(act) }),
      ...(mandate === undefined ? {} : { mandate }),
      ...(intent_digest === undefined ? {} : { intent_digest }),
      ...(authorization_details === undefined ? {} : { authorization_details: authorization_details.map(asJson) }),
      ...(details === undefined ? {} : { request_details: details }),
    },
    ...(Object.keys(surroundings).length === 0 ? {} : { rctx: surroundings }),
  };
}
