import { digestOf } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';

/**
 * Where an intent sends, whatever the amount: the entry of the address book of a withdrawal, the account or address of
 * the receiver of a settlement. A digest, so that it can be compared and tells nothing else.
 *
 * @returns undefined for an intent that sends nothing
 */
export function destinationKeyOf(detail: AuthorizationDetail): string | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal':
      return digestOf({ address_id: detail.address_id, chain_id: detail.chain_id, dti: detail.asset.dti });
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const { lei, account = null, address = null } = detail.receiver;
      return digestOf({ account, address, lei });
    }
    default:
      return undefined;
  }
}
