import { auditLogErrors, readPointer } from '@countersign/contracts';
import { Type } from 'typebox';
import type { DisclosureAsked } from '../reading/read-records.ts';

const maxPaths = 32;

/** Which protected values are asked for, and what for. */
export const disclosureParameters = {
  disclose: Type.Optional(
    Type.String({
      maxLength: 256 * maxPaths,
      description:
        'Protected values to be shown: `*`, or JSON pointers with commas between. With the scope audit:disclose',
    }),
  ),
  purpose: Type.Optional(Type.String({ maxLength: 500, description: 'What they are wanted for; goes on record' })),
} as const;

/** @throws CodedError `query_malformed` */
export function readDisclosure({
  disclose,
  purpose = '',
}: {
  readonly disclose?: string;
  readonly purpose?: string;
}): DisclosureAsked | undefined {
  if (disclose === undefined) return undefined;
  if (disclose === '*') return { paths: '*', purpose };
  const paths = new Set(disclose.split(','));
  if (paths.size > maxPaths || [...paths].some((path) => readPointer(path) === undefined))
    throw auditLogErrors.error(
      'query_malformed',
      `The parameter disclose is * or at most ${maxPaths} JSON pointers like /data/intent.`,
    );
  return { paths, purpose };
}
