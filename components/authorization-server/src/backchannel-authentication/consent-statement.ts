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

/** A type of its own, so that no other statement counts as consent. */
export const consentStatementType = 'countersign-consent+webauthn';

const longestSeconds = 600;

export interface SigningDependencies extends ClientRules {
  /** Lets people sign; without it intents can be allowed by a click in development only. */
  readonly statements?: Statements;
  readonly clock: Clock;
  readonly random: Random;
}

/** How a person allows what they are asked: by a click, by a signature over exactly this, or not at all. */
export type Allowing =
  | { readonly by: 'click' }
  | { readonly by: 'signature'; readonly asked: AskedStatement }
  | { readonly by: 'nothing'; readonly code: string; readonly detail: string };

type Asked = Pick<KeptRequest, 'hash' | 'client' | 'person' | 'acrValues' | 'expiresAt'>;

/**
 * Asks for an assertion over what would be allowed, where it holds intents: the request, the client, the digest of each
 * intent, and of all the terms. Who has no authenticator allows intents in development, by the sign-in alone.
 */
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

/** What the person's authenticator answered, verified; undefined where a click is enough. @throws CodedError of `authenticatorErrors` */
export async function signatureIn(
  fields: { readonly handle?: string | undefined; readonly credential?: string | undefined },
  person: PrincipalId,
  { statements }: SigningDependencies,
): Promise<SignedStatement | undefined> {
  if (statements === undefined || (fields.credential ?? '') === '') return undefined;
  return statements.take({ handle: fields.handle, person, credential: parsed(fields.credential) });
}

/**
 * Lets through what was signed for exactly this, and no statement where none is wanted.
 *
 * @throws CodedError `signature_required`, `approval_changed`
 */
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

/** RFC 8176: a key whose possession was shown, with its user verified. Where nobody vouches for it nothing is said of where it is kept. */
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
  const detail = 'You have no security key with which this can be signed. Add one on your own page, or ask for help.';
  return { by: 'nothing', code: 'authenticator_none', detail };
}

/** Unverified input: the verifier checks its shape. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return text;
  }
}
