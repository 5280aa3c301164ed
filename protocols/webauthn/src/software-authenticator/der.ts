/** Writes DER (ITU-T X.690 section 10): as much as a certificate needs. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const header =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from(header), content]);
}

export const sequence = (...items: readonly Uint8Array[]) => der(0x30, ...items);
export const octetString = (octets: Uint8Array) => der(0x04, octets);
export const bitString = (octets: Uint8Array) => der(0x03, Uint8Array.of(0), octets);
export const yes = der(0x01, Uint8Array.of(0xff));
export const wholeNumber = (value: number) => der(0x02, Uint8Array.of(value));
export const utf8String = (text: string) => der(0x0c, Buffer.from(text));
export const printableString = (text: string) => der(0x13, Buffer.from(text));

/** GeneralizedTime, of milliseconds since the epoch. */
export function time(at: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(at).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`));
}

/** @param dotted e.g. `2.5.29.19` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  return der(0x06, Uint8Array.from([first * 40 + second, ...others].flatMap(septets)));
}

function septets(arc: number): readonly number[] {
  const digits = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) + 128);
  return digits;
}
