export {
  contextConstructed,
  contextPrimitive,
  type DerElement,
  type DerReader,
  readDer,
  readDerSequence,
  tags,
} from './der-reader.ts';
export { type DerTime, readCertificateTime, readGeneralizedTime } from './der-time.ts';
export {
  derBitString,
  derBoolean,
  derCertificateTime,
  derElement,
  derEnumerated,
  derGeneralizedTime,
  derInteger,
  derNamedBits,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derPrintable,
  derSequence,
  derSetOf,
  derUtf8,
} from './der-writer.ts';
export { readExplicitFields } from './explicit-fields.ts';
export {
  integerContent,
  readBitOctets,
  readBoolean,
  readInteger,
  readNamedBits,
  readObjectIdentifier,
  readSmallInteger,
  readText,
  readUtf8,
} from './read-values.ts';
