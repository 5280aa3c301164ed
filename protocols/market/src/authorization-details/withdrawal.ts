import { type Static, Type } from 'typebox';
import { shapeOf } from '../shape.ts';
import { fieldRules } from './field-rules.ts';
import { chainId, common, decimal, identifier, token } from './fields.ts';

export const withdrawalShape = shapeOf(
  Type.Object(
    {
      ...common('urn:countersign:rar:v1:withdrawal', ['request', 'approve', 'release']),
      asset: token(),
      chain_id: chainId(),
      network: identifier(),
      address_id: identifier(),
      amount: decimal(),
      max_fee: decimal(),
      /** Keccak-256 of the call data if the transfer is a contract call. */
      calldata_hash: Type.Optional(Type.String({ pattern: '^0x[0-9a-f]{64}$' })),
    },
    { additionalProperties: false },
  ),
  fieldRules,
);
export type Withdrawal = Static<typeof withdrawalShape.schema>;
