import { decodeBase64 } from '@countersign/kernel';

/** One PEM block (RFC 7468). @param label `CERTIFICATE`, `CERTIFICATE REQUEST` */
export function encodePem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replaceAll(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** DER of a text that is exactly one PEM block with one of the labels; undefined for any other text. */
export function decodePem(text: string, ...labels: readonly string[]): Uint8Array | undefined {
  const [, label = '', body = ''] =
    /^\s*-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----\s*$/.exec(text) ?? [];
  return labels.includes(label) ? decodeBase64(body.replaceAll(/\s/g, '')) : undefined;
}
