import type { DecimalString, Digest, MandateId, TransactionId } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import type { Asset, Bic, Cfi, Country, Currency, Dti, Isin, Lei, Mic, Upi, Uti } from '../codes/index.ts';
import { partyRoles } from '../roles.ts';

/**
 * The building blocks of authorization details: shape here, meaning in `field-rules.ts`.
 *
 * Text shown before signing is visible ASCII: look-alikes and bidirectional controls could make it differ from the
 * signed text.
 */
export const lei = () =>
  Type.Unsafe<Lei>(Type.String({ pattern: '^[0-9A-Z]{18}[0-9]{2}$', description: 'LEI (ISO 17442)' }));
export const mic = () => Type.Unsafe<Mic>(Type.String({ pattern: '^[0-9A-Z]{4}$', description: 'MIC (ISO 10383)' }));
export const country = () =>
  Type.Unsafe<Country>(Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2' }));
export const currency = () => Type.Unsafe<Currency>(Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }));
export const cfi = () => Type.Unsafe<Cfi>(Type.String({ pattern: '^[A-Z]{6}$', description: 'CFI (ISO 10962)' }));
const isin = () =>
  Type.Unsafe<Isin>(Type.String({ pattern: '^[A-Z]{2}[0-9A-Z]{9}[0-9]$', description: 'ISIN (ISO 6166)' }));
const upi = () => Type.Unsafe<Upi>(Type.String({ pattern: '^QZ[0-9A-Z]{10}$', description: 'UPI (ISO 4914)' }));
export const dti = () => Type.Unsafe<Dti>(Type.String({ pattern: '^[0-9A-Z]{9}$', description: 'DTI (ISO 24165)' }));
export const uti = () =>
  Type.Unsafe<Uti>(Type.String({ pattern: '^[0-9A-Z]{21,52}$', description: 'UTI (ISO 23897)' }));

export const decimal = () =>
  Type.Unsafe<DecimalString>(
    Type.String({
      pattern: '^(0|[1-9][0-9]{0,20})(\\.[0-9]{0,17}[1-9])?$',
      description: 'Decimal amount in its one canonical form',
    }),
  );
export const dateTime = () => Type.String({ maxLength: 40, description: 'RFC 3339 date-time' });
export const calendarDate = () =>
  Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description: 'ISO 8601 date' });
export const identifierPattern = '^[0-9A-Za-z][0-9A-Za-z._:/@#+-]{0,63}$';
/** An identifier assigned by a party's own system, such as an account, order or model. */
export const identifier = () => Type.String({ pattern: identifierPattern });
export const idempotencyKeyPattern = '^[\\x21-\\x7e]{8,64}$';
export const artifactPattern = '^[0-9a-f]{64}$';
export const digest = () =>
  Type.Unsafe<Digest>(Type.String({ pattern: '^[0-9A-Za-z_-]{43}$', description: 'SHA-256, base64url' }));
/** CAIP-2, e.g. `eip155:1`. */
export const chainId = () =>
  Type.String({ pattern: '^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$', description: 'CAIP-2 chain id' });
export const address = () => Type.String({ pattern: '^[0-9A-Za-z:._/-]{1,128}$' });
export const resourceUri = () =>
  Type.String({ pattern: '^[\\x21-\\x7e]{1,512}$', description: 'Absolute URI without fragment (RFC 8707)' });
export const mandateId = () => Type.Unsafe<MandateId>(Type.String({ pattern: '^mnd_[0-9a-z]{26}$' }));
/** The transaction of an executed trade: an order, or a request for quotes that led to a deal. */
export const tradeId = () => Type.Unsafe<TransactionId>(Type.String({ pattern: '^txn_[0-9a-z]{26}$' }));
export const placeOfSettlement = () =>
  Type.Unsafe<Bic | Lei | string>(
    Type.String({
      pattern: '^[-_:0-9A-Za-z]{4,41}$',
      description: 'BIC or LEI of the depository, or the CAIP-2 id of the chain',
    }),
  );

export const money = () => Type.Object({ amount: decimal(), ccy: currency() }, { additionalProperties: false });

/** Exactly one of `isin`, `upi` and `dti`, and always the CFI. */
export const instrument = () =>
  Type.Object(
    { isin: Type.Optional(isin()), upi: Type.Optional(upi()), dti: Type.Optional(dti()), cfi: cfi() },
    { additionalProperties: false },
  );

/** The ISIN, UPI or DTI by which an intent names its instrument. Undefined only if the value is not an intent. */
export function instrumentId({
  isin,
  upi,
  dti,
}: Omit<Static<ReturnType<typeof instrument>>, 'cfi'>): string | undefined {
  return isin ?? upi ?? dti;
}

/** `relations.ts` checks that there is exactly one of the three fields. */
export const asset = () =>
  Type.Unsafe<Asset>(
    Type.Object(
      { isin: Type.Optional(isin()), ccy: Type.Optional(currency()), dti: Type.Optional(dti()) },
      { additionalProperties: false },
    ),
  );

export const token = () => Type.Object({ dti: dti() }, { additionalProperties: false });

export const parties = () =>
  Type.Array(Type.Object({ role: Type.Enum([...partyRoles]), lei: lei() }, { additionalProperties: false }), {
    maxItems: 32,
    uniqueItems: true,
  });

/** One side of a settlement, with exactly one of `account` and `address`. */
export const settlementParty = () =>
  Type.Object(
    { lei: lei(), account: Type.Optional(identifier()), address: Type.Optional(address()) },
    { additionalProperties: false },
  );

export const algo = () =>
  Type.Object(
    {
      model_id: identifier(),
      version: identifier(),
      artifact_sha256: Type.String({ pattern: artifactPattern, description: 'SHA-256 of the certified artefact, hex' }),
      cert_id: Type.Optional(identifier()),
    },
    { additionalProperties: false },
  );

export function common<const Urn extends string, const Action extends string>(type: Urn, actions: readonly Action[]) {
  return {
    type: Type.Literal(type),
    locations: Type.Array(resourceUri(), { minItems: 1, maxItems: 16, uniqueItems: true }),
    actions: Type.Array(Type.Enum([...actions]), { minItems: 1, maxItems: actions.length, uniqueItems: true }),
    entity_lei: lei(),
    mandate_id: mandateId(),
    idempotency_key: Type.String({ pattern: idempotencyKeyPattern }),
    not_after: dateTime(),
    jurisdiction: country(),
  };
}
