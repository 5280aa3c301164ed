/** Identifier octets (ITU-T X.690 section 8.1.2). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** Context-specific, primitive: `[n] IMPLICIT` over a simple type. */
export const contextPrimitive = (number: number): number => 0x80 | number;
/** Context-specific, constructed: `[n] EXPLICIT`, or `[n] IMPLICIT` over a sequence or set. */
export const contextConstructed = (number: number): number => 0xa0 | number;
