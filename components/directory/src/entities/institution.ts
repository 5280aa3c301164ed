import type { InstitutionCompliance } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { parseCountry } from '@countersign/market';
import { type Static, Type } from 'typebox';
import type { Place } from '../problems.ts';
import { entityReader } from './fields/entity-reader.ts';
import {
  code,
  products,
  readDay,
  readInstant,
  readLei,
  readName,
  readProducts,
  region,
  strict,
} from './fields/fields.ts';

export const complianceSchema = Type.Object(
  {
    kyc: Type.Object(
      {
        status: Type.Enum(['approved', 'pending', 'rejected', 'expired']),
        valid_until: Type.String({
          maxLength: 10,
          description: 'Day of the next review, YYYY-MM-DD: until its end the status counts.',
        }),
      },
      strict,
    ),
    aml_risk: Type.Enum(['low', 'medium', 'high', 'prohibited']),
    sanctions: Type.Object(
      {
        result: Type.Enum(['clear', 'review', 'match']),
        screened_at: Type.String({ maxLength: 40, description: 'RFC 3339: when it was last screened.' }),
      },
      strict,
    ),
    category: Type.Enum(['retail', 'professional', 'eligible-counterparty'], {
      description: 'MiFID II Annex II and Article 30.',
    }),
    suitable_for: products('CFI categories (ISO 10962, first letter) that are suitable for it.'),
  },
  strict,
);

export const institutionReader = entityReader({
  kind: 'institution',
  list: 'institutions',
  schema: Type.Object(
    {
      lei: code,
      name: Type.String({ minLength: 1, maxLength: 256 }),
      country: code,
      lei_status: Type.Optional(Type.Union([Type.Literal('ISSUED'), Type.Literal('LAPSED'), Type.Literal('RETIRED')])),
      compliance: Type.Optional(complianceSchema),
      data_regions: Type.Optional(
        Type.Array(region, {
          minItems: 1,
          maxItems: 64,
          uniqueItems: true,
          description: 'Regions in which its data may be worked on; anywhere when left out.',
        }),
      ),
    },
    strict,
  ),
  read(document, place) {
    const lei = readLei(document.lei, place.at('lei'));
    const name = readName(document.name, place.at('name'));
    const country = place.at('country').take(parseCountry(document.country));
    const compliance =
      document.compliance === undefined ? undefined : readCompliance(document.compliance, place.at('compliance'));
    if (lei === undefined || name === undefined || country === undefined) return undefined;
    if (document.compliance !== undefined && compliance === undefined) return undefined;
    const { lei_status: leiStatus = 'ISSUED', data_regions: dataRegions } = document;
    const value = {
      lei,
      name,
      country,
      leiStatus,
      ...defined({ compliance }),
      ...(dataRegions === undefined ? {} : { dataRegions: [...dataRegions].sort() }),
    };
    return { id: lei, owner: lei, entity: { kind: 'institution', value } };
  },
});

function readCompliance(
  { kyc, aml_risk: amlRisk, sanctions, category, suitable_for }: Static<typeof complianceSchema>,
  place: Place,
): InstitutionCompliance | undefined {
  const validUntil = readDay(kyc.valid_until, place.at('kyc', 'valid_until'));
  const screenedAt = readInstant(sanctions.screened_at, place.at('sanctions', 'screened_at'));
  const suitableFor = readProducts(suitable_for, place.at('suitable_for'));
  if (validUntil === undefined || screenedAt === undefined || suitableFor === undefined) return undefined;
  return {
    kyc: { status: kyc.status, validUntil },
    amlRisk,
    sanctions: { result: sanctions.result, screenedAt },
    category,
    suitableFor,
  };
}
