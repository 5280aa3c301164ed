export { type Asset, assetKey } from './asset.ts';
export { type Bic, parseBic } from './bic.ts';
export { type Cfi, describeCfi, isCfiPrefix, lettersAfter, parseCfi } from './cfi.ts';
export { type Country, parseCountry } from './country.ts';
export {
  amountForm,
  type Currency,
  currencyListDate,
  currencyName,
  minorUnitOf,
  parseAmount,
  parseCurrency,
} from './currency.ts';
export { type Dti, parseDti } from './dti.ts';
export { type Isin, parseIsin } from './isin.ts';
export { completeLei, type Lei, parseLei } from './lei.ts';
export { type Mic, parseMic } from './mic.ts';
export { type ListedVenue, type MicList, parseMicList, venueRegistry } from './mic-list.ts';
export { parseUpi, type Upi } from './upi.ts';
export { parseUti, type Uti } from './uti.ts';
export { checkVenue, type Venue, type VenueRegistry } from './venue.ts';
