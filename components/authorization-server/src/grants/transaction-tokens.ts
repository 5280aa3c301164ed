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

/** Workloads that use transaction tokens among themselves, and the institutions that run them. */
export interface TrustDomain {
  /** The `aud` of its tokens. */
  readonly name: string;
  /** Only clients of these institutions receive tokens for it. */
  readonly institutions: readonly Lei[];
}

/** Lifetime in seconds: the time of one call through the chain (draft section 6). */
const lifetimeSeconds = 60;

/** The maximum length: the token travels in a header, and proxies limit the length of headers. */
const maxLength = 8_192;

/**
 * Transaction tokens (draft-ietf-oauth-transaction-tokens-10): the recipient of an access token gets one for the calls that
 * follow inside its own trust domain. It describes the transaction, grants no access by itself, and contains no more than
 * the access token: scope, intent and time only narrow (section 13.6).
 */
export function transactionTokens(dependencies: {
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly trustDomains: readonly TrustDomain[];
}): RequestedTokenClass {
  const { signer, trustDomains } = dependencies;
  return {
    tokenType: transactionTokenType,
    parse(parameters) {
      // Section 11.1: the request must state the purpose of the call; the access token's scope is not the default.
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

/** A token is worthless outside its domain, so only clients inside it receive one. */
function checkTrustDomain(asked: string | undefined, client: Client, trustDomains: readonly TrustDomain[]): string {
  if (asked === undefined) throw refuse('target_missing', 'Name the trust domain, in the parameter audience.');
  const domain = trustDomains.find(({ name }) => name === asked);
  if (domain === undefined) throw refuse('target_unknown', 'The audience must be the name of a trust domain.');
  if (!domain.institutions.includes(client.institution))
    throw refuse('target_not_allowed', `The client's institution has no part in the trust domain ${domain.name}.`);
  return domain.name;
}

/**
 * The claims of a transaction token (draft section 9.2). Values that this server knows are direct members of `tctx` and
 * `rctx`. Values that the requester reports are under the name of their parameter, so that readers can tell them apart.
 *
 * @param client the requesting workload: its principal is `req_wl`
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
    // A call outside any market transaction is a transaction of its own, named by the record of its token.
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
 * The context that the requester reports (draft section 11.1). The server passes it on without vouching for it. It may
 * contain personal data, so no record contains it; the recorded token hash lets a holder of the token prove it.
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
  // Section 13.4: a reader of the transaction token could otherwise use the access token. Compared in its serialised form.
  if (subjectToken !== undefined && subjectToken !== '' && JSON.stringify(report).includes(subjectToken))
    throw refuse('parameter_unsupported', `The parameter ${name} must not hold the subject token.`);
  return report;
}
