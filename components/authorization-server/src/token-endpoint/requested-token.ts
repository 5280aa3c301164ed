import type { Client } from '@countersign/contracts';
import type { Lei } from '@countersign/market';
import type { AccessTokenClaims } from '@countersign/oauth';

/**
 * A class of tokens that an exchange can ask for in place of an access token (RFC 8693 section 3), because they are for
 * no interface of ours. The class says for whom they are and how they are written. Subject, actors, scope, intent,
 * mandate, policies, lifetime and record are the endpoint's, as they are for every token.
 */
export interface RequestedTokenClass {
  /** Value of `requested_token_type`, and of `issued_token_type` in the answer. */
  readonly tokenType: string;
  /** Takes its own parameters from the form. @throws CodedError of `oauthErrors`, or what becomes one */
  parse(parameters: ReadonlyMap<string, string>): RequestedToken;
}

/** One that is asked for. */
export interface RequestedToken {
  readonly tokenType: string;
  /** Seconds it lives, where nothing that it rests on ends sooner. */
  readonly lifetimeSeconds: number;
  /**
   * Whom it is for.
   *
   * @param asked `audience` or `resource` of the request
   * @throws CodedError `invalid_target`
   */
  audienceOf(asked: string | undefined, between: ExchangeParties): string;
  /** Writes it, from what an access token would say. @param client that asks for it */
  sign(granted: AccessTokenClaims, client: Client): Promise<string>;
}

export interface ExchangeParties {
  /** Who asks. */
  readonly client: Client;
  /** For which the subject acts. */
  readonly institution: Lei;
}
