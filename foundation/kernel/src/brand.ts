declare const brand: unique symbol;

/**
 * A nominal type: a value that a parser has validated.
 * Only the parser of a brand creates it (`parseLei`, `parseTransactionId`, ...). A plain string therefore never reaches code that
 * needs a validated one.
 */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
