import {
  type AskedStatement,
  authenticatorErrors,
  type GrantTerms,
  hardwareAcr,
  type PrincipalId,
  type SignedStatement,
  type Statements,
} from '@countersign/contracts';
import { type Clock, digestOf, epochSeconds, isCodedError, type Random } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import type { ClientRules } from '../client-endpoint/index.ts';
import { approvalErrors } from './refusals.ts';
import type { KeptRequest } from './store.ts';

/** A separate type, so that no other statement counts as consent. */
export const consentStatementType = 'countersign-consent+webauthn';

const longestSeconds = 600;

export interface SigningDependencies extends ClientRules {
  /** Without it, a click can allow intents in development only. */
  readonly statements?: Statements;
  readonly clock: Clock;
  readonly random: Random;
}

export type Allowing =
  | { readonly by: 'click' }
  | { readonly by: 'signature'; readonly asked: AskedStatement }
  | { readonly by: 'nothing'; readonly code: string; readonly detail: string };

type Asked = Pick<KeptRequest, 'hash' | 'client' | 'person' | 'acrValues' | 'expiresAt'>;

/** Asks for a signature if the terms contain intents. In development, a person without an authenticator can allow them by a click. */
export async function allowingOf(
  request: Asked,
  terms: GrantTerms,
  { statements, environment, clock, random }: SigningDependencies,
): Promise<Allowing> {
  if (terms.details.length === 0) return { by: 'click' };
  if (statements === undefined) return withoutAuthenticator(environment);
  const iat = epochSeconds(clock.now());
  const lifeSeconds = Math.min(longestSeconds, Math.max(1, epochSeconds(request.expiresAt) - iat));
  try {
    const asked = await statements.ask({
      person: request.person,
      claims: {
        typ: consentStatementType,
        iss: request.person,
        ...termsSigned(request, terms),
        iat,
        exp: iat + lifeSeconds,
        jti: Buffer.from(random.bytes(16)).toString('base64url'),
      },
      ...(request.acrValues.length === 0 ? {} : { acrValues: request.acrValues }),
      lifeSeconds,
    });
    return { by: 'signature', asked };
  } catch (error) {
    if (!isCodedError(error) || !Object.hasOwn(authenticatorErrors.codes, error.code)) throw error;
    if (error.code === 'authenticator_none') return withoutAuthenticator(environment);
    return { by: 'nothing', code: error.code, detail: error.detail };
  }
}

/** Undefined if a click is enough. @throws CodedError of `authenticatorErrors` */
export async function signatureIn(
  fields: { readonly handle?: string | undefined; readonly credential?: string | undefined },
  person: PrincipalId,
  { statements }: SigningDependencies,
): Promise<SignedStatement | undefined> {
  if (statements === undefined || (fields.credential ?? '') === '') return undefined;
  return statements.consume({ handle: fields.handle, person, credential: parsed(fields.credential) });
}

/** Requires a signature over exactly these terms, if one is needed. @throws CodedError `signature_required`, `approval_changed` */
export async function requireSigned(
  signed: SignedStatement | undefined,
  request: Asked,
  terms: GrantTerms,
  dependencies: SigningDependencies,
): Promise<void> {
  if (signed === undefined) {
    const allowing = await allowingOf(request, terms, dependencies);
    if (allowing.by === 'click') return;
    throw approvalErrors.error(
      'signature_required',
      allowing.by === 'nothing' ? allowing.detail : 'Sign with your security key to allow this.',
    );
  }
  const { typ, iss, iat: _iat, exp, jti: _jti, ...claims } = signed.claims;
  const wanted = typ === consentStatementType && iss === request.person && exp * 1000 > dependencies.clock.now();
  if (!wanted || digestOf(claims) !== digestOf(termsSigned(request, terms)))
    throw approvalErrors.error(
      'approval_changed',
      'The signed terms differ from the current terms. Review the request again.',
    );
}

/** RFC 8176. Without attestation, how the key is stored is not stated. */
export function methodsOf({ authenticator: { acr, backupEligible } }: SignedStatement): readonly string[] {
  const kept = acr === hardwareAcr ? ['hwk'] : backupEligible ? ['swk'] : [];
  return ['pop', ...kept, 'user'];
}

function termsSigned({ hash, client }: Pick<Asked, 'hash' | 'client'>, terms: GrantTerms) {
  return {
    request: hash.toString('base64url'),
    client,
    decision: 'allow',
    intents: terms.details.map(digestOfIntent),
    terms_digest: digestOf(terms),
  };
}

function withoutAuthenticator(environment: ClientRules['environment']): Allowing {
  if (environment === 'development') return { by: 'click' };
  const detail =
    'You have no security key that can sign this. Add one on your account page, or ask your administrator.';
  return { by: 'nothing', code: 'authenticator_none', detail };
}

/** The verifier checks its shape. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return text;
  }
}
