import { decodeBase64, decodeBase64Url, type Json, membersOf } from '@countersign/kernel';
import { parsePolicy, parseVerifierKey } from '@countersign/merkle-log';
import { readX509Certificate } from '@countersign/x509';
import { bundleLimits } from './bundle.ts';
import type { BundleTrust } from './evidence.ts';
import { type KeyHandover, maxHandovers } from './key-handover.ts';

export type TrustParse =
  | { readonly ok: true; readonly trust: BundleTrust }
  | { readonly ok: false; readonly problem: string };

class Unusable extends Error {}

const members = [
  'logVerifierKey',
  'checkpoint',
  'policy',
  'timeStampAuthorities',
  'certificateAuthorities',
  'envelopes',
  'handovers',
] as const;
const maxItems = 64;

/** An unusable member is an error: the reader would believe that it was applied. */
export function parseTrust(input: unknown): TrustParse {
  try {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) throw new Unusable('it is no JSON object');
    const unknown = Object.keys(input).find((name) => !members.some((member) => member === name));
    if (unknown !== undefined) throw new Unusable(`it holds ${unknown}; known are ${members.join(', ')}`);
    const given: Readonly<Record<string, unknown>> = { ...input };
    const texts = {
      ...optional('logVerifierKey', given, readLogKey),
      ...optional('checkpoint', given, (value) => readText(value, 'checkpoint', bundleLimits.noteLength)),
      ...optional('policy', given, readPolicy),
      ...optional('timeStampAuthorities', given, (value) => readAuthorities(value, 'timeStampAuthorities')),
      ...optional('certificateAuthorities', given, (value) => readAuthorities(value, 'certificateAuthorities')),
      ...optional('envelopes', given, (value) =>
        readList(value, 'envelopes').map((item) => readText(item, 'envelopes', 16_384)),
      ),
      ...optional('handovers', given, readHandovers),
    };
    return { ok: true, trust: texts };
  } catch (error) {
    if (error instanceof Unusable) return { ok: false, problem: error.message };
    throw error;
  }
}

/** @param file PEM or DER @returns DER; undefined if there is no certificate or one is unreadable */
export function readCertificateFile(file: Uint8Array): readonly Uint8Array[] | undefined {
  const text = Buffer.from(file).toString('latin1');
  const encoded = [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
  const certificates =
    encoded.length === 0 ? [file] : encoded.map(([, body = '']) => decodeBase64(body.replaceAll(/\s/g, '')));
  const readable: Uint8Array[] = [];
  for (const certificate of certificates) {
    if (certificate === undefined || !isCertificate(certificate)) return undefined;
    readable.push(certificate);
  }
  return readable;
}

function isCertificate(der: Uint8Array): boolean {
  try {
    readX509Certificate(der);
    return true;
  } catch {
    return false;
  }
}

function optional<Name extends keyof BundleTrust, Value>(
  name: Name,
  given: Readonly<Record<string, unknown>>,
  read: (value: unknown) => Value,
): { readonly [member in Name]?: Value } {
  // The computed name is exactly this one.
  return given[name] === undefined ? {} : ({ [name]: read(given[name]) } as { readonly [member in Name]: Value });
}

function readLogKey(value: unknown): string {
  const text = readText(value, 'logVerifierKey', bundleLimits.verifierKeyLength).trim();
  const parsed = parseVerifierKey(text);
  if (!parsed.ok) throw new Unusable(`logVerifierKey is not a C2SP verifier key (${parsed.reason})`);
  return text;
}

function readPolicy(value: unknown): string {
  const text = readText(value, 'policy', 65_536);
  const parsed = parsePolicy(text);
  if (!parsed.ok) throw new Unusable(`policy cannot be used: ${parsed.reason}, line ${parsed.line}`);
  return text;
}

function readAuthorities(value: unknown, name: string): readonly Uint8Array[] {
  return readList(value, name).flatMap((item) => {
    const text = readText(item, name, 65_536);
    const der = text.includes('-----BEGIN') ? Buffer.from(text) : decodeBase64Url(text);
    const certificates = der === undefined ? undefined : readCertificateFile(der);
    if (certificates === undefined) throw new Unusable(`${name} holds what is no certificate in PEM or base64url`);
    return certificates;
  });
}

/** As a log publishes them. */
export function parseHandovers(input: unknown): readonly KeyHandover[] | undefined {
  try {
    return readHandovers(input);
  } catch (error) {
    if (error instanceof Unusable) return undefined;
    throw error;
  }
}

/** The form alone: signatures are verified where the handovers are used. */
function readHandovers(value: unknown): readonly KeyHandover[] {
  const items = readList(value, 'handovers');
  if (items.length > maxHandovers) throw new Unusable(`handovers is not a list of at most ${maxHandovers}`);
  return items.map((item) => {
    // `membersOf` refuses everything but a JSON object, whatever the type says.
    const { checkpoint, leaf, proof } = membersOf(item as Json) ?? {};
    return {
      checkpoint: readText(checkpoint, 'handovers', bundleLimits.noteLength),
      leaf: readText(leaf, 'handovers', bundleLimits.leafBytes * 2),
      proof: readList(proof, 'handovers').map((hash) => readText(hash, 'handovers', 43)),
    };
  });
}

function readList(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > maxItems)
    throw new Unusable(`${name} is not a list of at most ${maxItems}`);
  return value;
}

function readText(value: unknown, name: string, maxLength: number): string {
  if (typeof value !== 'string' || value === '' || value.length > maxLength)
    throw new Unusable(`${name} is not text of at most ${maxLength} characters`);
  return value;
}
