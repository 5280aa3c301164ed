import { digestOf } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';

/** Independent of the amount: a settlement and the address book entries that it may use have the same key. */
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

/** The place is part of the key: the same account number at another depository is a different account. */
function ofAccount({ lei, account, place }: { lei: string; account: string; place: string | undefined }): string {
  return digestOf({ lei, account, place: place ?? null });
}

/** A settlement has no memo, so it never matches an entry with one. */
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
