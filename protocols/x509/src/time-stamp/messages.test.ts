import { describe, expect, it } from 'vitest';
import {
  contextConstructed,
  derBoolean,
  derElement,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derUtf8,
} from '../der/index.ts';
import {
  encodeGrantedResponse,
  encodeRejectedResponse,
  encodeTimeStampRequest,
  readTimeStampRequest,
  readTimeStampResponse,
} from '../index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { issueCertificate, issueToken, testDigest } from '../testing/test-authority.ts';

const imprint = { hash: 'sha256', digest: testDigest } as const;
const imprintOf = (hash: string, digest: Uint8Array) =>
  derSequence(derSequence(derObjectIdentifier(hash)), derOctetString(digest));

describe('a request', () => {
  it('survives writing and reading', () => {
    for (const request of [
      { imprint, certificateWanted: false },
      { imprint, certificateWanted: true, nonce: 2n ** 127n, policy: '1.2.3' },
      { imprint: { hash: 'sha384', digest: new Uint8Array(48) } as const, certificateWanted: true, nonce: -1n },
    ])
      expect(readTimeStampRequest(encodeTimeStampRequest(request))).toEqual({ ...request, extensions: [] });
  });

  it('lists its extensions', () => {
    const extension = derSequence(derObjectIdentifier('1.2.3.4'), derBoolean(true), derOctetString(derInteger(1)));
    const request = derSequence(
      derInteger(1),
      imprintOf(oid.sha256, testDigest),
      derElement(contextConstructed(0), extension),
    );
    expect(readTimeStampRequest(request).extensions).toEqual(['1.2.3.4']);
  });

  it.each([
    ['of another version', derSequence(derInteger(2), imprintOf(oid.sha256, testDigest)), 'timestamp_malformed'],
    [
      'with a digest that is too short',
      derSequence(derInteger(1), imprintOf(oid.sha256, new Uint8Array(31))),
      'timestamp_malformed',
    ],
    ['with SHA-1', derSequence(derInteger(1), imprintOf(oid.sha1, new Uint8Array(20))), 'algorithm_unsupported'],
    ['that is too long', new Uint8Array(4_097), 'timestamp_malformed'],
    ['that is not DER', testDigest, 'der_malformed'],
    [
      'with octets after the end',
      Buffer.concat([encodeTimeStampRequest({ imprint, certificateWanted: true }), testDigest]),
      'der_malformed',
    ],
    [
      'with a nonce of a thousand bits',
      derSequence(derInteger(1), imprintOf(oid.sha256, testDigest), derInteger(1n << 1000n)),
      'der_malformed',
    ],
  ])('%s is refused', (_, octets, code) => {
    expect(() => readTimeStampRequest(octets)).toThrow(code);
  });
});

describe('a response', () => {
  const token = issueToken(issueCertificate());

  it('contains the token unchanged', () => {
    expect(readTimeStampResponse(encodeGrantedResponse(token))).toEqual({ granted: true, token });
    const withMods = derSequence(derSequence(derInteger(1)), token);
    expect(readTimeStampResponse(withMods)).toEqual({ granted: true, token });
  });

  it('states the reason for a refusal as failure bits and text', () => {
    expect(readTimeStampResponse(encodeRejectedResponse('badAlg', 'No such digest.'))).toEqual({
      granted: false,
      status: 2,
      failures: ['badAlg'],
      text: 'No such digest.',
    });
    const words = derSequence(derUtf8('First.'), derUtf8('Second.'));
    expect(readTimeStampResponse(derSequence(derSequence(derInteger(3), words)))).toEqual({
      granted: false,
      status: 3,
      failures: [],
      text: 'First. Second.',
    });
  });

  it('is refused if status and token contradict each other', () => {
    expect(() => readTimeStampResponse(derSequence(derSequence(derInteger(0))))).toThrow('timestamp_malformed');
    expect(() => readTimeStampResponse(derSequence(derSequence(derInteger(2)), token))).toThrow('timestamp_malformed');
  });

  it('is refused if it is not DER or too long', () => {
    expect(() => readTimeStampResponse(testDigest)).toThrow('der_malformed');
    expect(() => readTimeStampResponse(new Uint8Array(80_000))).toThrow('timestamp_malformed');
  });
});
