declare const brand: unique symbol;

/**
 * A nominal type: a value that some parser has vouched for.
 *
 * Only the parser of a brand may make one (`parseLei`, `parseTransactionId`, ...); everything else
 * passes it on. A plain string therefore never reaches code that needs a checked one.
 */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
