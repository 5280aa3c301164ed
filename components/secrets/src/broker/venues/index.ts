import type { BrokerVenue } from '@countersign/contracts';
import { binance } from './binance.ts';
import { coinbase } from './coinbase.ts';
import { deribit } from './deribit.ts';
import { kraken } from './kraken.ts';
import type { VenueForm } from './venue-form.ts';

export type { SignedVenueRequest, VenueOperation, VenueOrder, VenueRequest, VenueSigner } from './venue-form.ts';
export { createVenueSigner, importVenueKey, makeVenueKey } from './venue-signer.ts';

export const venueForms: Readonly<Record<BrokerVenue, VenueForm>> = { binance, coinbase, deribit, kraken };
