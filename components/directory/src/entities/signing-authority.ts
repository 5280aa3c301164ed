import { mandateKinds, type SigningAuthority } from '@countersign/contracts';
import { parseAmount, parseCurrency } from '@countersign/market';
import { type Static, Type } from 'typebox';
import type { Place } from '../problems.ts';
import { code, strict } from './fields/fields.ts';

export const signingAuthoritySchema = Type.Object(
  {
    kinds: Type.Optional(
      Type.Array(Type.Enum([...mandateKinds]), {
        minItems: 1,
        uniqueItems: true,
        description: 'Kinds of mandates; every kind when left out.',
      }),
    ),
    up_to: Type.Optional(
      Type.Object(
        { amount: Type.String({ maxLength: 64 }), ccy: code },
        { ...strict, description: 'Highest notional per day; without limit when left out.' },
      ),
    ),
    alone: Type.Boolean({ description: 'False: only together with a second signatory.' }),
  },
  strict,
);

export function signingAuthorityOf(
  {
    roles,
    signing_authority: written,
  }: {
    readonly roles: readonly string[];
    readonly signing_authority?: Static<typeof signingAuthoritySchema>;
  },
  place: Place,
): { readonly signingAuthority?: SigningAuthority } | undefined {
  if (written === undefined) return {};
  const at = place.at('signing_authority');
  const signingAuthority = readSigningAuthority(written, at);
  if (signingAuthority === undefined) return undefined;
  if (!roles.includes('signatory'))
    return at.report('directory_file_invalid', 'Signing authority requires the role signatory.');
  return { signingAuthority };
}

function readSigningAuthority(
  { kinds, up_to: upTo, alone }: Static<typeof signingAuthoritySchema>,
  place: Place,
): SigningAuthority | undefined {
  const rest = { ...(kinds === undefined ? {} : { kinds: [...kinds].sort() }), alone };
  if (upTo === undefined) return rest;
  const ccy = place.at('up_to', 'ccy').take(parseCurrency(upTo.ccy));
  const amount = ccy === undefined ? undefined : place.at('up_to', 'amount').take(parseAmount(upTo.amount, ccy));
  return amount === undefined || ccy === undefined ? undefined : { ...rest, upTo: { amount, ccy } };
}
