import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { address, chainId, common, dateTime, lei, token } from './fields.ts';

export const addressBookChangeShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:address_book_change', ['propose', 'approve', 'revoke']),
      asset: token(),
      chain_id: chainId(),
      address: address(),
      /** Destination tag or memo, where the chain has one. Single spaces only: others could not be seen. */
      memo: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]+( [\\x21-\\x7e]+)*$', maxLength: 128 })),
      beneficiary_lei: lei(),
      cooling_off_until: dateTime(),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type AddressBookChange = Static<typeof addressBookChangeShape.schema>;
