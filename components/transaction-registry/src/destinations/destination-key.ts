import { digestOf } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';

/**
 * Names where an intent sends, whatever the amount: the entry of the address book of a withdrawal, the receiver of a
 * settlement, the destination that an entry of the address book brings. A settlement has the key of the entries it may go to.
 * A digest, so that it can be compared and tells nothing else.
 *
 * @returns undefined for an intent that sends nothing
 */
export function destinationKeyOf(detail: AuthorizationDetail): string | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal':
      return digestOf({ address_id: detail.address_id, chain_id: detail.chain_id, dti: detail.asset.dti });
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const { receiver, place_of_settlement: place, dti } = detail;
      return receiver.account === undefined
        ? ofAddress({ lei: receiver.lei, address: receiver.address, chain: place, dti })
        : ofAccount({ lei: receiver.lei, account: receiver.account, place });
    }
    case 'urn:countersign:rar:v1:address_book_change': {
      const {
        beneficiary_lei: lei,
        account,
        place_of_settlement: place,
        address,
        chain_id: chain,
        asset,
        memo,
      } = detail;
      return account === undefined
        ? ofAddress({ lei, address, chain, dti: asset?.dti, memo })
        : ofAccount({ lei, account, place });
    }
    default:
      return undefined;
  }
}

/** The same account number at another depository is another account. */
function ofAccount({ lei, account, place }: { lei: string; account: string; place: string | undefined }): string {
  return digestOf({ lei, account, place: place ?? null });
}

/** A settlement names no memo, so it never goes to an entry that has one. */
function ofAddress(about: {
  lei: string;
  address: string | undefined;
  chain: string | undefined;
  dti: string | undefined;
  memo?: string | undefined;
}): string {
  const { lei, address = null, chain = null, dti = null, memo = null } = about;
  return digestOf({ lei, address, chain, dti, memo });
}
