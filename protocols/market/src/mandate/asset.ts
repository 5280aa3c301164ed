import type { Currency, Dti, Isin } from '../codes/index.ts';

/** A movable asset: exactly one of a security, a currency and a token. */
export interface Asset {
  readonly isin?: Isin | undefined;
  readonly ccy?: Currency | undefined;
  readonly dti?: Dti | undefined;
}

/** A unique key for an asset, e.g. `dti X9J9K872S`. */
export function assetKey({ isin, ccy, dti }: Asset): string {
  if (isin !== undefined) return `isin ${isin}`;
  return ccy === undefined ? `dti ${dti ?? ''}` : `ccy ${ccy}`;
}
