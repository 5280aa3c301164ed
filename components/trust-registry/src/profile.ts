import type { TrustProfileInput } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type Lei, parseLei } from '@countersign/market';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type AddressProblem, checkIssuer, checkJwksUri } from './addresses.ts';

const strict = { additionalProperties: false } as const;
const url = Type.String({ minLength: 1, maxLength: 512 });
const printable = Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\x21-\\x7e]+$' });

export const profileSchema = Type.Object(
  {
    institution: Type.String({ maxLength: 64 }),
    issuer: url,
    jwksUri: url,
    algorithms: Type.Array(Type.Union([Type.Literal('ES256'), Type.Literal('PS256'), Type.Literal('EdDSA')]), {
      minItems: 1,
      uniqueItems: true,
    }),
    maxLifetimeSeconds: Type.Integer({ minimum: 1, maximum: 300 }),
    requiredClaims: Type.Array(printable, { maxItems: 32, uniqueItems: true }),
    // An empty list would say nothing about how the person signed in.
    acrValues: Type.Array(printable, { minItems: 1, maxItems: 32, uniqueItems: true }),
    maxAuthenticationAgeSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
    signIn: Type.Optional(
      Type.Object({ clientId: printable, classes: Type.Record(printable, printable, { maxProperties: 32 }) }, strict),
    ),
  },
  strict,
);

const validator = Compile(profileSchema);

interface ProfileProblem {
  readonly path: string;
  readonly detail: string;
}

interface ProfileRules {
  /** For development: issuers on this machine, also over plain HTTP. */
  readonly allowInsecureLoopback: boolean;
}

/** Every problem is reported; values are not repeated. */
export function readProfile(
  input: unknown,
  rules: ProfileRules,
):
  | { readonly ok: true; readonly profile: TrustProfileInput }
  | { readonly ok: false; readonly problems: readonly ProfileProblem[] } {
  if (!hasShape(input)) return { ok: false, problems: shapeProblems(input) };
  const problems: ProfileProblem[] = [];
  const institution = parseLei(input.institution);
  if (!institution.ok) problems.push({ path: '/institution', detail: institution.detail });
  const note = (path: string, problem: AddressProblem | undefined): void => {
    if (problem !== undefined) problems.push({ path, detail: problem });
  };
  note('/issuer', checkIssuer(input.issuer, rules));
  note('/jwksUri', checkJwksUri(input.jwksUri, input.issuer, rules));
  for (const name of Object.keys(input.signIn?.classes ?? {}))
    if (!input.acrValues.includes(name))
      problems.push({ path: '/signIn/classes', detail: 'It names a class that is not in acrValues.' });
  if (!institution.ok || problems.length > 0) return { ok: false, problems };
  return { ok: true, profile: inOneForm(input, institution.value) };
}

function hasShape(input: unknown): input is Static<typeof profileSchema> {
  return validator.Check(input);
}

function shapeProblems(input: unknown): readonly ProfileProblem[] {
  return validator
    .Errors(input)
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map(({ keyword, instancePath, message }) => ({
      path: instancePath.slice(0, 256),
      detail: keyword === 'boolean' ? 'There is no such key here.' : `The value ${message}.`,
    }));
}

/** Lists are sets: another order is not another version. */
function inOneForm(input: Static<typeof profileSchema>, institution: Lei): TrustProfileInput {
  return {
    institution,
    issuer: input.issuer,
    jwksUri: input.jwksUri,
    algorithms: input.algorithms.toSorted(),
    maxLifetimeSeconds: input.maxLifetimeSeconds,
    requiredClaims: input.requiredClaims.toSorted(),
    acrValues: input.acrValues.toSorted(),
    maxAuthenticationAgeSeconds: input.maxAuthenticationAgeSeconds,
    ...defined({ signIn: input.signIn }),
  };
}
