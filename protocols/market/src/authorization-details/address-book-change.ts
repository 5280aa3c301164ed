import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { address, chainId, common, dateTime, identifier, lei, placeOfSettlement, token } from './fields.ts';

/**
 * Either a chain address (`asset`, `chain_id`, `address`, perhaps `memo`) or an account with its
 * `place_of_settlement`.
 */
export const addressBookChangeShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:address_book_change', ['propose', 'approve', 'revoke']),
      asset: Type.Optional(token()),
      chain_id: Type.Optional(chainId()),
      address: Type.Optional(address()),
      /** Destination tag or memo. Only single spaces, because a reader cannot see further ones. */
      memo: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]+( [\\x21-\\x7e]+)*$', maxLength: 128 })),
      account: Type.Optional(identifier()),
      place_of_settlement: Type.Optional(placeOfSettlement()),
      beneficiary_lei: lei(),
      cooling_off_until: dateTime(),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type AddressBookChange = Static<typeof addressBookChangeShape.schema>;
