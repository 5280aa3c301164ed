export { addressesOf } from './addresses.ts';
export { startTogether } from './start-together.ts';
