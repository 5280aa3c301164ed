import type { Currency, Dti, Isin } from '../codes/index.ts';

/** What can be moved: a security, a currency or a token. Exactly one of the three. */
export interface Asset {
  readonly isin?: Isin | undefined;
  readonly ccy?: Currency | undefined;
  readonly dti?: Dti | undefined;
}

/** One text for one asset, e.g. `dti X9J9K872S`. */
export function assetKey({ isin, ccy, dti }: Asset): string {
  if (isin !== undefined) return `isin ${isin}`;
  return ccy === undefined ? `dti ${dti ?? ''}` : `ccy ${ccy}`;
}
