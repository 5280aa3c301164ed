import type { Client, Signer } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import {
  type AccessTokenClaims,
  type JsonObject,
  parseTransactionContext,
  signTransactionToken,
  type TransactionTokenClaims,
  transactionTokenHeader,
  transactionTokenType,
} from '@countersign/oauth';
import type { RequestedTokenClass } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';
import { asJson } from '../token-endpoint/index.ts';

/** Workloads that know each other's calls by transaction tokens, and the institutions that run them. */
export interface TrustDomain {
  /** The `aud` of its tokens. */
  readonly name: string;
  /** Only clients of these get tokens for it. */
  readonly institutions: readonly Lei[];
}

/** The time of one call through the chain (draft section 6), in seconds. */
const lifetimeSeconds = 60;

/** It travels in a header, and what carries headers does not carry longer ones. */
const maxLength = 8_192;

/**
 * Transaction tokens (draft-ietf-oauth-transaction-tokens-10): whoever was given an access token gets one for the calls
 * that follow from it inside its own trust domain. It tells of the transaction, opens nothing by itself, and says no
 * more than the access token did: scope, intent and time only narrow (section 13.6).
 */
export function transactionTokens(dependencies: {
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly trustDomains: readonly TrustDomain[];
}): RequestedTokenClass {
  const { signer, trustDomains } = dependencies;
  return {
    tokenType: transactionTokenType,
    parse(parameters) {
      // Section 11.1: what the call is for is said, and never whatever the access token happens to hold.
      if (!parameters.has('scope'))
        throw refuse('parameter_missing', 'The parameter scope is missing: name what the transaction is for.');
      const report = readReport(parameters);
      return {
        tokenType: transactionTokenType,
        lifetimeSeconds,
        audienceOf: (asked, { client }) => checkTrustDomain(asked, client, trustDomains),
        async sign(granted, client) {
          const claims = composeTransactionToken(granted, client, report);
          const { kid, algorithm } = await signer.current('transaction-token');
          const token = await signTransactionToken(
            claims,
            transactionTokenHeader({ kid, algorithm }),
            async (data) => (await signer.sign('transaction-token', kid, data)).signature,
          );
          if (token.length > maxLength)
            throw refuse('transaction_token_too_long', `It would be longer than ${maxLength} characters: report less.`);
          return token;
        },
      };
    },
  };
}

/** A token is worth nothing outside its domain, so it is given to nobody outside. */
function checkTrustDomain(asked: string | undefined, client: Client, trustDomains: readonly TrustDomain[]): string {
  if (asked === undefined) throw refuse('target_missing', 'Name the trust domain, in the parameter audience.');
  const domain = trustDomains.find(({ name }) => name === asked);
  if (domain === undefined) throw refuse('target_unknown', 'The audience must be the name of a trust domain.');
  if (!domain.institutions.includes(client.institution))
    throw refuse('target_not_allowed', `The client's institution has no part in the trust domain ${domain.name}.`);
  return domain.name;
}

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
    ...defined({ acr, auth_time, request_context: context }),
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
      ...defined({ mandate, intent_digest }),
      ...(authorization_details === undefined ? {} : { authorization_details: authorization_details.map(asJson) }),
      ...(details === undefined ? {} : { request_details: details }),
    },
    ...(Object.keys(surroundings).length === 0 ? {} : { rctx: surroundings }),
  };
}

/**
 * What the requester tells of the call (draft section 11.1). Carried along, and vouched for by nobody. It may be about
 * people, so that it goes into no record: the hash of the token, which is there, proves it to whoever has the token.
 */
export interface Report {
  readonly details?: JsonObject;
  readonly context?: JsonObject;
}

/** @throws CodedError `transaction_context_malformed`; `invalid_request` when it holds the subject token */
export function readReport(parameters: ReadonlyMap<string, string>): Report {
  const details = read(parameters, 'request_details');
  const context = read(parameters, 'request_context');
  return { ...(details === undefined ? {} : { details }), ...(context === undefined ? {} : { context }) };
}

function read(
  parameters: ReadonlyMap<string, string>,
  name: 'request_context' | 'request_details',
): JsonObject | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const report = parseTransactionContext(text, name);
  const subjectToken = parameters.get('subject_token');
  // Section 13.4: whoever sees the transaction token could use the access token. Compared as it will be written.
  if (subjectToken !== undefined && subjectToken !== '' && JSON.stringify(report).includes(subjectToken))
    throw refuse('parameter_unsupported', `The parameter ${name} must not hold the subject token.`);
  return report;
}
