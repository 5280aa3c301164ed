import { components, findComponent } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeDistributionPointName, encodeExtension, type NewExtension } from '../certificates/build-extensions.ts';
import {
  contextConstructed,
  contextPrimitive,
  derCertificateTime,
  derElement,
  derEnumerated,
  derInteger,
  derObjectIdentifier,
  derSequence,
} from '../der/index.ts';
import {
  assembleRevocationList,
  keyIdentifierOf,
  type ListAuthorities,
  type NewExtensions,
  type ParsedCertificate,
  type RevocationList,
  readRevocationList,
  statusInLists,
  verifyRevocation,
} from '../index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { authorityExtensions, clientExtensions, day, type Holder, issue, pem } from '../testing/new-authority.ts';
import { type OpenSsl, openSslIn } from '../testing/openssl.ts';

const found = findComponent(components.openssl);
const now = Math.floor(Date.now() / 1000) * 1000;
const shardA = 'https://pki.example/crl/a';
const shardB = 'https://pki.example/crl/b';

const root = issue('Root');
const ca = issue('Issuing authority', { by: root, extensions: authorityExtensions });
/** Certificates of signers are valid before their lists are made. */
const notBefore = now - 2 * day;
const revoker = issue('Revocation authority', { by: root, notBefore, extensions: { keyUsage: ['crlSign'] } });
const stranger = issue('Root');

interface Entry {
  readonly serial: bigint;
  readonly reason?: number;
  /** DER of the Name. */
  readonly issuer?: Uint8Array;
}
interface ListOptions {
  readonly number?: bigint;
  readonly base?: bigint;
  readonly point?: Uint8Array;
  readonly entries?: readonly Entry[];
  readonly thisUpdate?: number;
  /** The name of the list; by default the signer's. */
  readonly name?: Uint8Array;
  readonly extension?: NewExtension;
}

const enumerated = (reason: number): NewExtension => ({
  id: oid.reasonCode,
  critical: false,
  value: derEnumerated(reason),
});
const directory = (name: Uint8Array): Uint8Array => derElement(contextConstructed(4), name);

/** A list of any form, including forms that this product does not issue. */
function makeList(by: Holder, options: ListOptions = {}): Uint8Array {
  const { number = 5n, base, point, entries = [], thisUpdate = now - 60_000 } = options;
  const extensions: NewExtension[] = [
    {
      id: oid.authorityKeyIdentifier,
      critical: false,
      value: derSequence(derElement(contextPrimitive(0), keyIdentifierOf(by.key.publicKey))),
    },
    { id: oid.crlNumber, critical: false, value: derInteger(number) },
    ...(base === undefined ? [] : [{ id: oid.deltaCrlIndicator, critical: true, value: derInteger(base) }]),
    ...(point === undefined ? [] : [{ id: oid.issuingDistributionPoint, critical: true, value: derSequence(point) }]),
    ...(options.extension === undefined ? [] : [options.extension]),
  ];
  const encoded = entries.map(({ serial, reason, issuer }) => {
    const own = [
      ...(reason === undefined ? [] : [enumerated(reason)]),
      ...(issuer === undefined
        ? []
        : [{ id: oid.certificateIssuer, critical: true, value: derSequence(directory(issuer)) }]),
    ];
    const list = own.length === 0 ? [] : [derSequence(...own.map(encodeExtension))];
    return derSequence(derInteger(serial), derCertificateTime(now - day), ...list);
  });
  const toBeSigned = derSequence(
    derInteger(1),
    derSequence(derObjectIdentifier(oid.ecdsaWithSha256)),
    options.name ?? by.certificate.subject,
    derCertificateTime(thisUpdate),
    derCertificateTime(now + day),
    ...(encoded.length === 0 ? [] : [derSequence(...encoded)]),
    derElement(contextConstructed(0), derSequence(...extensions.map(encodeExtension))),
  );
  return assembleRevocationList(toBeSigned, by.key.sign(toBeSigned));
}

const flag = (number: number): Uint8Array => derElement(contextPrimitive(number), Uint8Array.of(0xff));
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const pointOf = (uri: string): Uint8Array => encodeDistributionPointName([uri]);
const indirect = flag(4);

const leafOf = (serial: bigint, extensions: NewExtensions = {}, by: Holder = ca): ParsedCertificate =>
  issue(`leaf ${serial}`, { by, serial, extensions: { ...clientExtensions, ...extensions } }).certificate;
const inShardA = { crlDistributionPoints: [shardA] };
/** A distribution point whose list another authority signs. */
const byRevoker: NewExtensions = {
  others: [
    {
      id: oid.crlDistributionPoints,
      critical: false,
      value: derSequence(
        derSequence(pointOf(shardA), derElement(contextConstructed(2), directory(revoker.certificate.subject))),
      ),
    },
  ],
};

const read = (der: Uint8Array, authorities: Partial<ListAuthorities> = {}): RevocationList | undefined =>
  readRevocationList(der, { issuer: ca.certificate, ...authorities });
const statusOf = (certificate: ParsedCertificate, ...lists: readonly (RevocationList | undefined)[]) => {
  const statement = statusInLists(
    lists.filter((list) => list !== undefined),
    certificate,
  );
  if (statement === undefined) return 'unknown';
  return statement.revokedAt === undefined ? 'good' : 'revoked';
};

describe.skipIf(!found.found)(`a revocation list${found.found ? '' : ` (skipped: ${found.reason})`}`, () => {
  let tool: OpenSsl;
  beforeAll(() => {
    tool = openSslIn(found.found ? found.path : '');
  });
  afterAll(() => tool?.remove());

  /** The verdict of OpenSSL on the leaf with these lists. */
  const openssl = (
    leaf: ParsedCertificate,
    lists: readonly Uint8Array[],
    authorities: readonly Holder[] = [ca],
    ...options: readonly string[]
  ) => {
    tool.write('root.pem', pem('CERTIFICATE', root.certificate.encoding));
    tool.write(
      'untrusted.pem',
      authorities.map(({ certificate }) => pem('CERTIFICATE', certificate.encoding)).join(''),
    );
    tool.write('leaf.pem', pem('CERTIFICATE', leaf.encoding));
    tool.write('lists.pem', lists.map((der) => pem('X509 CRL', der)).join(''));
    const files = ['-CAfile', 'root.pem', '-untrusted', 'untrusted.pem', '-CRLfile', 'lists.pem', 'leaf.pem'];
    const refusal = tool.failure('verify', '-crl_check', '-extended_crl', ...options, ...files);
    if (refusal === undefined) return 'good';
    return /certificate revoked/.test(refusal) ? 'revoked' : 'unknown';
  };

  it('of one distribution point covers only certificates that name this point, in OpenSSL too', () => {
    const entries = [{ serial: 2n }];
    const ofA = makeList(ca, { point: pointOf(shardA), entries });
    const ofB = makeList(ca, { point: pointOf(shardB) });
    const subscribers = makeList(ca, { point: join(pointOf(shardA), flag(1)), entries });
    const authorities = makeList(ca, { point: flag(2) });
    const complete = makeList(ca, { entries });
    const cases = [
      [inShardA, ofA, 'revoked'],
      [inShardA, subscribers, 'revoked'],
      [inShardA, complete, 'revoked'],
      // The list of another shard, which cannot contain the certificate.
      [inShardA, ofB, 'unknown'],
      [inShardA, authorities, 'unknown'],
      [{}, ofA, 'unknown'],
      [{}, complete, 'revoked'],
      [{ crlDistributionPoints: [shardB, shardA] }, ofA, 'revoked'],
    ] as const;
    for (const [index, [extensions, list, expected]] of cases.entries()) {
      const leaf = leafOf(2n, extensions);
      expect(statusOf(leaf, read(list)), `case ${index}`).toBe(expected);
      expect(openssl(leaf, [list]), `case ${index}`).toBe(expected);
      expect(
        verifyRevocation({ kind: 'crl', der: list, certificate: leaf, issuer: ca.certificate, at: now }),
        `case ${index}`,
      ).toMatchObject(expected === 'revoked' ? { ok: true, revoked: true } : { ok: false });
    }
    expect(statusOf(leafOf(3n, inShardA), read(ofA), read(ofB))).toBe('good');
    // An authority's own status is not in the list of subscribers.
    const below = issue('Below', { by: ca, extensions: { ...authorityExtensions, ...inShardA } }).certificate;
    expect(statusOf(below, read(subscribers))).toBe('unknown');
    expect(statusOf(below, read(authorities))).toBe('good');
  });

  it('may be signed with another key of the same authority, certified by that authority or one above it', () => {
    const name = ca.certificate.subject;
    const lists: NewExtensions = { keyUsage: ['crlSign'] };
    const certifiedBy = (by: Holder, extensions = lists, notAfter?: number): Holder =>
      issue('other key', { by, subject: name, extensions, notBefore, ...(notAfter === undefined ? {} : { notAfter }) });
    const entries = [{ serial: 2n }];
    const leaf = leafOf(2n);
    const statusBy = (signer: Holder, authorities: Partial<ListAuthorities>) =>
      statusOf(leaf, read(makeList(signer, { entries }), authorities));

    const byItself = certifiedBy(ca);
    expect(statusBy(byItself, { candidates: [byItself.certificate] })).toBe('revoked');
    expect(statusBy(byItself, {})).toBe('unknown');
    const byRoot = certifiedBy(root);
    const above = [root.certificate];
    expect(statusBy(byRoot, { candidates: [byRoot.certificate], above })).toBe('revoked');
    expect(statusBy(byRoot, { candidates: [byRoot.certificate] })).toBe('unknown');
    expect(openssl(leaf, [makeList(byRoot, { entries })], [ca, byRoot])).toBe('revoked');
    for (const other of [
      certifiedBy(stranger),
      certifiedBy(root, { keyUsage: ['digitalSignature'] }),
      certifiedBy(root, {}),
      certifiedBy(root, lists, now - 120_000),
      certifiedBy(issue('leaf', { by: ca })),
    ])
      expect(statusBy(other, { candidates: [other.certificate], above })).toBe('unknown');
  });

  it('is indirect if it is marked so, and covers certificates that name its signer', () => {
    const authorities = { candidates: [revoker.certificate], above: [root.certificate] };
    const issuer = ca.certificate.subject;
    const list = makeList(revoker, {
      point: join(pointOf(shardA), indirect),
      entries: [
        { serial: 9n },
        { serial: 2n, issuer },
        { serial: 3n },
        { serial: 4n, issuer: root.certificate.subject },
      ],
    });
    const status = (serial: bigint, extensions = byRevoker) =>
      statusOf(leafOf(serial, extensions), read(list, authorities));
    expect([2n, 3n, 4n, 9n].map((serial) => status(serial))).toEqual(['revoked', 'revoked', 'good', 'good']);
    for (const [serial, expected] of [
      [2n, 'revoked'],
      [3n, 'revoked'],
      [4n, 'good'],
    ] as const)
      expect(openssl(leafOf(serial, byRevoker), [list], [ca, revoker]), String(serial)).toBe(expected);
    // The certificate does not name the other authority.
    expect(status(2n, inShardA)).toBe('unknown');
    expect(statusOf(leafOf(2n, byRevoker), read(list))).toBe('unknown');
    expect(read(list, { ...authorities, above: [stranger.certificate] })).toBeUndefined();
    // Without the mark of an indirect list.
    expect(read(makeList(revoker, { point: pointOf(shardA) }), authorities)).toBeUndefined();
    expect(() => read(makeList(ca, { entries: [{ serial: 2n, issuer }] }))).toThrow('not indirect');
  });

  it('is extended by a delta list of the same scope only', () => {
    const base = makeList(ca, { number: 5n, entries: [{ serial: 2n, reason: 6 }], thisUpdate: now - 120_000 });
    const delta = (options: ListOptions = {}) =>
      makeList(ca, { number: 6n, base: 5n, entries: [{ serial: 2n, reason: 8 }, { serial: 3n }], ...options });
    const after = (...deltas: readonly Uint8Array[]) =>
      [2n, 3n].map((serial) => statusOf(leafOf(serial), read(base), ...deltas.map((der) => read(der))));
    expect(after()).toEqual(['revoked', 'good']);
    expect(after(delta())).toEqual(['good', 'revoked']);
    const { thisUpdate } =
      statusInLists(
        [read(base), read(delta())].filter((list) => list !== undefined),
        leafOf(4n),
      ) ?? {};
    expect(thisUpdate).toBe(now - 60_000);
    for (const ignored of [
      delta({ base: 6n, number: 7n }),
      delta({ number: 5n }),
      delta({ point: pointOf(shardA) }),
      delta({ thisUpdate: now - 180_000, number: 4n, base: 3n }),
    ])
      expect(after(ignored)).toEqual(['revoked', 'good']);
    expect(statusOf(leafOf(3n), read(delta()))).toBe('unknown');
    const freshest: NewExtensions = {
      crlDistributionPoints: [shardA],
      others: [{ id: oid.freshestCrl, critical: false, value: derSequence(derSequence(pointOf(shardB))) }],
    };
    for (const [serial, expected] of [
      [2n, 'good'],
      [3n, 'revoked'],
      [4n, 'good'],
    ] as const) {
      const leaf = leafOf(serial, freshest);
      expect(statusOf(leaf, read(base), read(delta())), String(serial)).toBe(expected);
      expect(openssl(leaf, [base, delta()], [ca], '-use_deltas'), String(serial)).toBe(expected);
    }
  });

  it('is refused in forms that would hide a revocation', () => {
    const forms: readonly (readonly [ListOptions, string])[] = [
      [{ point: derElement(contextPrimitive(3), Uint8Array.of(6, 0x40)) }, 'some reasons'],
      [{ point: flag(5) }, 'covers no certificates'],
      [{ point: join(flag(1), flag(2)) }, 'covers no certificates'],
      // A name relative to the issuer.
      [{ point: derElement(contextConstructed(0), derElement(contextConstructed(1))) }, 'without a name'],
      [{ entries: [{ serial: 2n, reason: 8 }] }, 'only a delta list'],
      [{ extension: { id: '1.2.3.4', critical: true, value: derInteger(1) } }, '1.2.3.4'],
    ];
    for (const [options, detail] of forms) expect(() => read(makeList(ca, options)), detail).toThrow(detail);
    expect(read(makeList(stranger, { name: ca.certificate.subject }))).toBeUndefined();
    expect(read(makeList(ca, { extension: { id: '1.2.3.4', critical: false, value: derInteger(1) } }))).toBeDefined();
  });
});
