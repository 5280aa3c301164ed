// The validator package has no types; these are the two modules in use here.
declare module 'validator/lib/isISIN.js' {
  export default function isISIN(text: string): boolean;
}
declare module 'validator/lib/isISO31661Alpha2.js' {
  export const CountryCodes: ReadonlySet<string>;
}
