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

/** Workloads that use transaction tokens among themselves. */
export interface TrustDomain {
  /** The `aud` of its tokens. */
  readonly name: string;
  /** Whose clients receive tokens for it. */
  readonly institutions: readonly Lei[];
}

/** The time of one call through the chain (draft section 6). */
const lifetimeSeconds = 60;

/** Proxies limit the length of headers. */
const maxLength = 8_192;

/**
 * Transaction tokens (draft-ietf-oauth-transaction-tokens-10) for the calls that follow inside a trust domain. They grant no access
 * by themselves and contain no more than the access token (section 13.6).
 */
export function transactionTokens(dependencies: {
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly trustDomains: readonly TrustDomain[];
}): RequestedTokenClass {
  const { signer, trustDomains } = dependencies;
  return {
    tokenType: transactionTokenType,
    parse(parameters) {
      // Section 11.1: the access token's scope is not the default.
      if (!parameters.has('scope'))
        throw refuse('parameter_missing', 'The parameter scope is missing. Name the purpose of the transaction.');
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
            throw refuse(
              'transaction_token_too_long',
              `The token would be longer than ${maxLength} characters. Send less context.`,
            );
          return token;
        },
      };
    },
  };
}

/** Only clients of the domain receive a token. */
function checkTrustDomain(asked: string | undefined, client: Client, trustDomains: readonly TrustDomain[]): string {
  if (asked === undefined) throw refuse('target_missing', 'Name the trust domain in the parameter audience.');
  const domain = trustDomains.find(({ name }) => name === asked);
  if (domain === undefined) throw refuse('target_unknown', 'The audience must be the name of a trust domain.');
  if (!domain.institutions.includes(client.institution))
    throw refuse('target_not_allowed', `The client's institution does not belong to the trust domain ${domain.name}.`);
  return domain.name;
}

/** Draft section 9.2. Reported values are under the name of their parameter. @param client the workload, `req_wl` */
export function composeTransactionToken(
  granted: AccessTokenClaims,
  client: Client,
  { details, context }: Report,
): TransactionTokenClaims {
  const { iss, aud, iat, exp, sub, scope, txn, evidence } = granted;
  const { lei, act, mandate, intent_digest, authorization_details, acr, auth_time } = granted;
  const surroundings = defined({ acr, auth_time, request_context: context });
  return {
    iss,
    aud,
    iat,
    exp,
    sub,
    scope,
    req_wl: client.principal,
    // A call outside any market transaction is named by the record of its token.
    txn: txn ?? evidence,
    tctx: {
      lei,
      evidence,
      ...defined({ mandate, intent_digest, request_details: details }),
      ...(act === undefined ? {} : { act: asJson(act) }),
      ...(authorization_details === undefined ? {} : { authorization_details: authorization_details.map(asJson) }),
    },
    ...(Object.keys(surroundings).length === 0 ? {} : { rctx: surroundings }),
  };
}

/** The context that the requester reports (draft section 11.1), passed on unverified. Personal, so never recorded. */
export interface Report {
  readonly details?: JsonObject;
  readonly context?: JsonObject;
}

/** @throws CodedError `transaction_context_malformed`; `invalid_request` when it holds the subject token */
export function readReport(parameters: ReadonlyMap<string, string>): Report {
  const details = read(parameters, 'request_details');
  const context = read(parameters, 'request_context');
  return defined({ details, context });
}

function read(
  parameters: ReadonlyMap<string, string>,
  name: 'request_context' | 'request_details',
): JsonObject | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const report = parseTransactionContext(text, name);
  const subjectToken = parameters.get('subject_token');
  // Section 13.4: a reader could otherwise use the access token.
  if (subjectToken !== undefined && subjectToken !== '' && JSON.stringify(report).includes(subjectToken))
    throw refuse('parameter_unsupported', `The parameter ${name} must not contain the subject token.`);
  return report;
}
