import type { BrokerVenue } from '@countersign/contracts';
import type { VenueForm } from '../venue-form.ts';
import { binance } from './binance.ts';
import { coinbase } from './coinbase.ts';
import { deribit } from './deribit.ts';
import { kraken } from './kraken.ts';

export const venueForms: Readonly<Record<BrokerVenue, VenueForm>> = { binance, coinbase, deribit, kraken };
