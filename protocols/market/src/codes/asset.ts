import type { Currency } from './currency.ts';
import type { Dti } from './dti.ts';
import type { Isin } from './isin.ts';

/** A movable asset: a security, a currency or a token. */
export type Asset =
  | { readonly isin: Isin; readonly ccy?: undefined; readonly dti?: undefined }
  | { readonly ccy: Currency; readonly isin?: undefined; readonly dti?: undefined }
  | { readonly dti: Dti; readonly isin?: undefined; readonly ccy?: undefined };

/** A unique key for an asset, e.g. `dti X9J9K872S`. */
export function assetKey({ isin, ccy, dti }: Asset): string {
  if (isin !== undefined) return `isin ${isin}`;
  return ccy === undefined ? `dti ${dti}` : `ccy ${ccy}`;
}
