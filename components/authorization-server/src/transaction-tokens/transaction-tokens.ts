import type { Client, Signer } from '@countersign/contracts';
import type { Lei } from '@countersign/market';
import { signTransactionToken, transactionTokenHeader, transactionTokenType } from '@countersign/oauth';
import { refuse } from '../refusal.ts';
import type { RequestedTokenClass } from '../token-endpoint/requested-token.ts';
import { composeTransactionToken } from './compose.ts';
import { readReport } from './report.ts';

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
