import type { Authentication, Client, GrantRegister } from '@countersign/contracts';
import { equalInConstantTime, type GrantId } from '@countersign/kernel';
import { type Confirmation, verifyCodeChallenge } from '@countersign/oauth';
import type { ClientContext } from '../client-endpoint/index.ts';
import { type CodeBinding, type Codes, redemptionThing } from '../codes/index.ts';
import type { GrantHandler } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';
import type { Revocations } from '../revocations/index.ts';
import { type ConsentedAuthorityDependencies, consentedAuthority } from './consented-authority.ts';

export interface AuthorizationCodeDependencies extends ConsentedAuthorityDependencies {
  readonly codes: Pick<Codes, 'find' | 'redeem'>;
  readonly grantRegister: Pick<GrantRegister, 'find'>;
  readonly authentication: Pick<Authentication, 'session'>;
  readonly revocations: Pick<Revocations, 'revoke'>;
}

interface CodeParameters {
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier: string | undefined;
}

/** RFC 6749 section 4.1.3 with PKCE and DPoP code binding. A second use of a code ends everything under its consent. */
export function authorizationCode(dependencies: AuthorizationCodeDependencies): GrantHandler<'authorization_code'> {
  const { codes, grantRegister } = dependencies;
  return {
    grantType: 'authorization_code',
    parse(parameters) {
      const asked = parseParameters(parameters);
      return {
        async resolve(context, confirmation) {
          const binding = await codes.find(asked.code);
          if (binding === undefined) throw refuse('code_unknown', 'The code is unknown or has expired.');
          if (binding.client !== context.client.id)
            throw refuse('code_client', 'The code was issued to another client.');
          if (binding.redeemed) throw await replayed(binding.grant, context, dependencies);
          checkHolder(asked, binding, { client: context.client, confirmation });
          await checkSession(binding, dependencies);
          const grant = await grantRegister.find(binding.grant);
          const authority = consentedAuthority(grant, binding, { context, confirmation, firstUse: true }, dependencies);
          return {
            ...authority,
            // Redeemed only after the checks above.
            usedUp: {
              thing: redemptionThing(asked.code),
              consume: () => codes.redeem(asked.code),
              replayed: () => replayed(binding.grant, context, dependencies),
            },
          };
        },
      };
    },
  };
}

function parseParameters(parameters: ReadonlyMap<string, string>): CodeParameters {
  const code = parameters.get('code');
  const codeVerifier = parameters.get('code_verifier');
  const redirectUri = parameters.get('redirect_uri');
  if (code === undefined) throw refuse('parameter_missing', 'The parameter code is missing.');
  // RFC 6749 section 4.1.3.
  if (redirectUri === undefined) throw refuse('parameter_missing', 'The parameter redirect_uri is missing.');
  return { code, codeVerifier, redirectUri };
}

/** A failure leaves the code valid, so that a thief cannot use it up. */
function checkHolder(
  asked: CodeParameters,
  binding: CodeBinding,
  by: { readonly client: Client; readonly confirmation: Confirmation | undefined },
): void {
  const { confirmation } = by;
  if (!equalInConstantTime(asked.redirectUri, binding.redirectUri))
    throw refuse('code_redirect_uri', 'The redirect_uri must be the one of the authorization request.');
  if (!provesRequest(asked.codeVerifier, binding, by.client))
    throw refuse('code_verifier', 'The code_verifier is missing or does not match the code_challenge of the request.');
  if (binding.dpopJkt === undefined) return;
  if (confirmation === undefined || !('jkt' in confirmation) || confirmation.jkt !== binding.dpopJkt)
    throw refuse('code_key', 'The code is bound to another DPoP key.');
}

/** RFC 7636 section 4.6. A verifier without a challenge shows that the challenge was removed (RFC 9700 section 4.8.2). */
function provesRequest(verifier: string | undefined, { codeChallenge }: CodeBinding, client: Client): boolean {
  if (codeChallenge === undefined) return !client.requirePkce && verifier === undefined;
  return verifier !== undefined && verifyCodeChallenge(verifier, codeChallenge);
}

/** The end of a session is notified once; a later token would open a client session that nothing ends. */
async function checkSession(
  { session, scopes }: CodeBinding,
  { authentication }: Pick<AuthorizationCodeDependencies, 'authentication'>,
): Promise<void> {
  if (session === undefined || !scopes.includes('openid')) return;
  if ((await authentication.session(session)) === undefined)
    throw refuse('code_session_ended', 'The person has signed out since. Ask them to sign in again.');
}

/** RFC 6749 section 4.1.2. @returns the refusal */
async function replayed(
  grant: GrantId,
  { client }: ClientContext,
  { revocations }: Pick<AuthorizationCodeDependencies, 'revocations'>,
): Promise<Error> {
  const by = { id: client.principal, institution: client.institution };
  await revocations.revoke({ kind: 'grant', id: grant }, by, 'code_replayed');
  return refuse('code_replayed', 'The code was redeemed before. Everything issued for it has been revoked.');
}
