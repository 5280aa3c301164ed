import { components, findComponent } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyUsageBits } from '../certificates/extensions.ts';
import { derElement, derObjectIdentifier, derSequence, derSetOf, derUtf8, tags } from '../der/index.ts';
import { findPath, readX509Certificate, validatePath } from '../index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { type OpenSsl, openSslIn } from '../testing/openssl.ts';
import { type ChainMaker, chainMaker, type Extensions } from '../testing/openssl-chain.ts';
import { issueCertificate, keyKinds, testTime } from '../testing/test-authority.ts';

const found = findComponent(components.openssl);
const day = 86_400_000;
const clientAuth = '1.3.6.1.5.5.7.3.2';
const smartCardLogon = '1.3.6.1.4.1.311.20.2.2';
const hardware = '1.3.6.1.4.1.99999.1.1';
const software = '1.3.6.1.4.1.99999.1.2';

const authority: Extensions = ['basicConstraints = critical, CA:true', 'keyUsage = critical, keyCertSign, cRLSign'];
const person: Extensions = [
  'basicConstraints = critical, CA:false',
  'keyUsage = critical, digitalSignature',
  'extendedKeyUsage = clientAuth',
  'subjectAltName = email:ada@desk.example',
];
const withPolicy = (extensions: Extensions, policy: string): Extensions => [
  ...extensions,
  `certificatePolicies = ${policy}`,
];
const withNames = (names: string): Extensions => [...without(person, 'subjectAltName'), `subjectAltName = ${names}`];
const without = (extensions: Extensions, name: string): Extensions =>
  extensions.filter((line) => !line.startsWith(name));

describe.skipIf(!found.found)(`a certificate path${found.found ? '' : ` (skipped: ${found.reason})`}`, () => {
  let tool: OpenSsl;
  let make: ChainMaker;
  /** A time at which new certificates are valid, even on a slow machine. */
  const soon = (): number => Date.now() + 60_000;

  beforeAll(() => {
    tool = openSslIn(found.found ? found.path : '');
    make = chainMaker(tool);
    make.root('root', '/O=Desk/CN=Root', authority);
    make.root('stranger', '/O=Desk/CN=Stranger', authority);
  });
  afterAll(() => tool?.remove());

  interface Chain {
    readonly leaf?: Extensions;
    readonly leafDays?: number;
    readonly leafDigest?: string;
    readonly leafSubject?: string;
    /** Extensions of each authority, from the one below the root down; by default one plain authority. */
    readonly authorities?: readonly Extensions[];
    readonly authorityDays?: number;
    readonly roots?: readonly string[];
    readonly top?: string;
    readonly policies?: readonly string[];
    readonly at?: number;
    /** Intermediates to present instead of the authorities of the chain. */
    readonly intermediates?: readonly string[];
  }

  interface AuthorityOptions {
    readonly policy: string | undefined;
    readonly constraint: string | undefined;
    readonly limits: string | undefined;
    readonly pathlen: number | undefined;
  }

  /** Makes the chain and validates it with OpenSSL and with our code. */
  function validate(chain: Chain) {
    const { leaf = person, authorities = [authority], roots = ['root'], policies = [] } = chain;
    let by = chain.top ?? 'root';
    const names = authorities.map((extensions, index) => {
      const name = `authority-${index}`;
      make.issue(name, { key: name, by, extensions, days: chain.authorityDays ?? 60 });
      by = name;
      return name;
    });
    make.issue('leaf', {
      key: 'leaf',
      by,
      extensions: leaf,
      days: chain.leafDays ?? 30,
      digest: chain.leafDigest ?? 'sha256',
      subject: chain.leafSubject ?? '/O=Desk/CN=Ada Lovelace',
    });
    const intermediates = chain.intermediates ?? names;
    const at = chain.at ?? soon();
    // Without -policy OpenSSL requires nothing; RFC 5280 starts from anyPolicy.
    const policyOptions = (policies.length === 0 ? ['2.5.29.32.0'] : policies).flatMap((policy) => ['-policy', policy]);
    const openssl = make.refusal(
      'leaf',
      { roots, intermediates },
      '-attime',
      String(Math.floor(at / 1000)),
      '-policy_check',
      ...policyOptions,
      ...(policies.length === 0 ? [] : ['-explicit_policy']),
    );
    const ours = validatePath(readX509Certificate(make.der('leaf')), {
      anchors: roots.map((name) => readX509Certificate(make.der(name))),
      intermediates: intermediates.map((name) => readX509Certificate(make.der(name))),
      at,
      purposes: [clientAuth],
      policies,
    });
    return { openssl, ours };
  }

  it('is valid where OpenSSL accepts it, and lists its policies', () => {
    expect(validate({})).toMatchObject({ openssl: undefined, ours: { ok: true } });
    expect(validate({ authorities: [] })).toMatchObject({ openssl: undefined, ours: { ok: true } });
    expect(validate({ authorities: [authority, authority, authority] })).toMatchObject({
      openssl: undefined,
      ours: { ok: true },
    });
    const { openssl, ours } = validate({
      leaf: withPolicy(person, `${hardware},${software}`),
      authorities: [withPolicy(authority, hardware)],
      policies: [hardware, '1.2.3.4'],
    });
    expect(openssl).toBeUndefined();
    expect(ours.ok && [...ours.policies]).toEqual([hardware]);
    expect(ours.ok && ours.path.length).toBe(3);
  });

  // OpenSSL must refuse the same chains.
  const refused: readonly (readonly [what: string, reason: string, openssl: RegExp, chain: Chain])[] = [
    ['of an unknown root', 'untrusted', /unable to get (?:local )?issuer|self.signed/, { top: 'stranger' }],
    ['without a required intermediate', 'untrusted', /unable to get local issuer/, { intermediates: [] }],
    ['that has expired', 'expired', /expired/, { at: soon() + 31 * day }],
    ['whose authority has expired', 'expired', /expired/, { authorityDays: 10, at: soon() + 20 * day }],
    ['that is not yet valid', 'not_yet_valid', /not yet valid/, { at: soon() - 2 * day }],
    [
      'with another policy',
      'policy_missing',
      /policy/,
      {
        leaf: withPolicy(person, software),
        authorities: [withPolicy(authority, '2.5.29.32.0')],
        policies: [hardware],
      },
    ],
    [
      'with a policy that its authority does not have',
      'policy_missing',
      /policy/,
      { leaf: withPolicy(person, hardware), authorities: [withPolicy(authority, software)], policies: [hardware] },
    ],
    ['without a policy where one is required', 'policy_missing', /policy/, { policies: [hardware] }],
    [
      'without a policy where its authority requires one',
      'policy_missing',
      /policy/,
      { authorities: [[...authority, 'policyConstraints = critical, requireExplicitPolicy:0']] },
    ],
    [
      'with anyPolicy where its authority inhibits it',
      'policy_missing',
      /policy/,
      {
        leaf: withPolicy(person, '2.5.29.32.0'),
        authorities: [[...withPolicy(authority, hardware), 'inhibitAnyPolicy = critical, 0']],
        policies: [hardware],
      },
    ],
    [
      'for servers',
      'purpose_wrong',
      /purpose/,
      { leaf: [...without(person, 'extendedKeyUsage'), 'extendedKeyUsage = serverAuth'] },
    ],
    [
      'whose authority is for servers',
      'purpose_wrong',
      /purpose/,
      { authorities: [[...authority, 'extendedKeyUsage = serverAuth']] },
    ],
    [
      'whose key usage excludes signatures',
      'usage_wrong',
      /purpose/,
      { leaf: [...without(person, 'keyUsage'), 'keyUsage = critical, keyEncipherment'] },
    ],
    [
      'with a mail address that is not permitted',
      'name_constrained',
      /permitted subtree/,
      { authorities: [[...authority, 'nameConstraints = critical, permitted;email:other.example']] },
    ],
    [
      'with a mail address that is excluded',
      'name_constrained',
      /excluded subtree/,
      { authorities: [[...authority, 'nameConstraints = critical, excluded;email:desk.example']] },
    ],
    [
      'with a mail address in its subject that is not permitted',
      'name_constrained',
      /permitted subtree/,
      {
        leaf: without(person, 'subjectAltName'),
        leafSubject: '/O=Desk/CN=Ada Lovelace/emailAddress=ada@desk.example',
        authorities: [[...authority, 'nameConstraints = critical, permitted;email:other.example']],
      },
    ],
    [
      'of an organization that is not permitted',
      'name_constrained',
      /permitted subtree/,
      {
        authorities: [
          [...authority, 'nameConstraints = critical, permitted;dirName:subtree', '[subtree]', 'O = Another desk'],
        ],
      },
    ],
    [
      'with an excluded host among its names',
      'name_constrained',
      /excluded subtree/,
      {
        leaf: withNames('DNS:ws.desk.example'),
        authorities: [[...authority, 'nameConstraints = critical, excluded;DNS:ws.desk.example']],
      },
    ],
    [
      'with a user principal name where such names are constrained',
      'name_constrained',
      /unsupported name constraint|unsupported or invalid name/,
      {
        leaf: [
          ...without(person, 'subjectAltName'),
          'subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:ada@desk.example',
        ],
        authorities: [
          [...authority, 'nameConstraints = critical, permitted;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:desk.example'],
        ],
      },
    ],
    [
      'that exceeds a path length constraint',
      'path_too_long',
      /path length/,
      { authorities: [['basicConstraints = critical, CA:true, pathlen:0', 'keyUsage = keyCertSign'], authority] },
    ],
    [
      'issued by a certificate that is not an authority',
      'not_authority',
      /invalid CA|CA cert/,
      { authorities: [['basicConstraints = critical, CA:false', 'keyUsage = keyCertSign']] },
    ],
    [
      'issued by an authority without the key usage for it',
      'not_authority',
      /keyCertSign|certificate signing|issuer/i,
      { authorities: [['basicConstraints = critical, CA:true', 'keyUsage = critical, cRLSign']] },
    ],
    [
      'with an unknown critical extension',
      'extension_unknown',
      /unhandled critical extension/,
      { leaf: [...person, '1.2.3.4.5 = critical, ASN1:NULL'] },
    ],
  ];
  for (const [what, reason, openssl, chain] of refused)
    it(`${what} is refused, by OpenSSL too`, () => {
      const verdicts = validate(chain);
      expect(verdicts.ours).toMatchObject({ ok: false, reason });
      expect(verdicts.openssl).toMatch(openssl);
    });

  it('is refused under a root with the same name and a different key', () => {
    make.root('impostor', '/O=Desk/CN=Root', authority);
    const { openssl, ours } = validate({ top: 'impostor' });
    expect(ours).toMatchObject({ ok: false, reason: 'untrusted' });
    expect(openssl).toMatch(/signature|unable to get/);
    // With both roots trusted, the right one is found even if the wrong one is tried first.
    expect(validate({ roots: ['impostor', 'root'] }).ours).toMatchObject({ ok: true });
  });

  it('is refused in some cases that OpenSSL accepts', () => {
    const strict = (chain: Chain, reason: string) => expect(validate(chain).ours).toMatchObject({ ok: false, reason });
    strict({ leaf: without(person, 'extendedKeyUsage') }, 'purpose_wrong');
    strict({ leaf: without(person, 'keyUsage') }, 'usage_wrong');
    strict(
      { leaf: [...without(person, 'extendedKeyUsage'), 'extendedKeyUsage = anyExtendedKeyUsage'] },
      'purpose_wrong',
    );
    strict({ leaf: [...authority, 'extendedKeyUsage = clientAuth'] }, 'not_authority');
    strict({ leafDigest: 'sha1' }, 'untrusted');
    strict(
      { authorities: [[...withPolicy(authority, hardware), `policyMappings = ${hardware}:${software}`]] },
      'extension_unknown',
    );
  });

  it('with a wildcard is refused only if the wildcard covers an excluded host', () => {
    const resultFor = (names: string, constraint: string) => {
      const { ours } = validate({
        leaf: withNames(names),
        authorities: [[...authority, `nameConstraints = critical, ${constraint}`]],
      });
      return ours.ok ? 'good' : ours.reason;
    };
    for (const excluded of ['bad.desk.example', '.bad.desk.example', 'BAD.Desk.Example', 'very.bad.desk.example'])
      expect(resultFor('DNS:*.desk.example', `excluded;DNS:${excluded}`), excluded).toBe('name_constrained');
    expect(resultFor('DNS:ws.desk.example,DNS:*.Desk.example', 'excluded;DNS:bad.desk.example')).toBe(
      'name_constrained',
    );
    expect(resultFor('DNS:*.desk.example', 'excluded;DNS:desk.example')).toBe('name_constrained');
    expect(resultFor('DNS:*.good.desk.example', 'excluded;DNS:bad.desk.example')).toBe('good');
    expect(resultFor('DNS:*.desk.example', 'excluded;DNS:notdesk.example')).toBe('good');
    expect(resultFor('DNS:*.desk.example', 'permitted;DNS:desk.example')).toBe('good');
    expect(resultFor('DNS:*.desk.example', 'permitted;DNS:ws.desk.example')).toBe('name_constrained');
  });

  it('with an ambiguous spelling of a constrained name is refused', () => {
    const resultFor = (names: string, constraint: string) => {
      const { ours } = validate({
        leaf: withNames(names),
        authorities: [[...authority, `nameConstraints = critical, ${constraint}`]],
      });
      return ours.ok ? 'good' : ours.reason;
    };
    for (const [name, constraint] of [
      ['DNS:bad.desk.example.', 'excluded;DNS:bad.desk.example'],
      ['DNS:b*.desk.example', 'excluded;DNS:bad.desk.example'],
      ['DNS:*', 'excluded;DNS:bad.desk.example'],
      ['DNS:ws..desk.example', 'excluded;DNS:bad.desk.example'],
      ['URI:https://bad.desk.example./ada', 'excluded;URI:bad.desk.example'],
      ['URI:https://bad.desk.example\\\\@desk.example/', 'excluded;URI:bad.desk.example'],
      ['email:ada@bad.desk.example.', 'excluded;email:bad.desk.example'],
    ] as const)
      expect(resultFor(name, constraint), name).toBe('name_constrained');
    // A constraint that matches no name is malformed.
    for (const constraint of ['excluded;DNS:bad.desk.example.', 'excluded;DNS:*.desk.example'])
      expect(resultFor('DNS:ws.desk.example', constraint), constraint).toBe('malformed');
  });

  it('is valid for smart card logon if that purpose is required', () => {
    validate({ leaf: [...without(person, 'extendedKeyUsage'), `extendedKeyUsage = ${smartCardLogon}`] });
    const ask = (purposes: readonly string[]) =>
      validatePath(readX509Certificate(make.der('leaf')), {
        anchors: [readX509Certificate(make.der('root'))],
        intermediates: [readX509Certificate(make.der('authority-0'))],
        at: soon(),
        purposes,
        policies: [],
      });
    expect(ask([clientAuth, smartCardLogon])).toMatchObject({ ok: true });
    expect(ask([clientAuth])).toMatchObject({ ok: false, reason: 'purpose_wrong' });
  });

  it('takes bounded work with many intermediates of the same name and key', () => {
    validate({});
    const intermediates = Array.from({ length: 33 }, (_, index) => {
      make.issue(`copy-${index}`, { key: 'authority-0', by: 'stranger', extensions: authority });
      return readX509Certificate(make.der(`copy-${index}`));
    });
    const verdict = validatePath(readX509Certificate(make.der('leaf')), {
      anchors: [readX509Certificate(make.der('root'))],
      intermediates,
      at: soon(),
      purposes: [clientAuth],
      policies: [],
    });
    expect(verdict).toMatchObject({ ok: false, reason: 'untrusted' });
  });

  it('has the same verdict as OpenSSL for random policies and name constraints', () => {
    const policy = fc.constantFrom(undefined, hardware, software, `${hardware},${software}`, '2.5.29.32.0');
    const constraint = fc.constantFrom(
      undefined,
      'permitted;email:desk.example',
      'permitted;email:.desk.example',
      'excluded;email:desk.example',
      'permitted;email:ada@desk.example',
      'excluded;email:ada@desk.example',
      'permitted;DNS:desk.example',
      'excluded;DNS:ws.desk.example',
      'permitted;URI:.desk.example',
      'permitted;URI:desk.example',
      'permitted;IP:10.1.0.0/255.255.0.0',
      'excluded;IP:10.1.2.0/255.255.255.0',
      'permitted;email:desk.example,permitted;DNS:desk.example',
    );
    const limits = fc.constantFrom(
      undefined,
      'policyConstraints = requireExplicitPolicy:0',
      'policyConstraints = requireExplicitPolicy:1',
      'inhibitAnyPolicy = 0',
      'inhibitAnyPolicy = 1',
    );
    const authorityOptions = fc.record({ policy, constraint, limits, pathlen: fc.constantFrom(undefined, 0, 1) });
    const name = fc.constantFrom(
      'email:ada@desk.example',
      'email:ada@ny.desk.example',
      'email:Ada@DESK.example',
      'DNS:ws.desk.example',
      'DNS:desk.example',
      'DNS:xdesk.example',
      'URI:https://desk.example/ada',
      'URI:https://ny.desk.example/ada',
      'IP:10.1.2.3',
      'IP:10.2.2.3',
      'email:ada@desk.example,DNS:ws.desk.example',
    );
    const extensionsOf = ({ policy, constraint, limits, pathlen }: AuthorityOptions) => [
      `basicConstraints = critical, CA:true${pathlen === undefined ? '' : `, pathlen:${pathlen}`}`,
      'keyUsage = critical, keyCertSign',
      ...(policy === undefined ? [] : [`certificatePolicies = ${policy}`]),
      ...(constraint === undefined ? [] : [`nameConstraints = critical, ${constraint}`]),
      ...(limits === undefined ? [] : [limits]),
    ];
    const seen = { good: 0, bad: 0 };
    fc.assert(
      fc.property(
        fc.array(authorityOptions, { minLength: 1, maxLength: 3 }),
        name,
        policy,
        fc.constantFrom([], [hardware], [software, '1.2.3.4']),
        (authorities, alternative, stated, policies) => {
          const own = [...without(person, 'subjectAltName'), `subjectAltName = ${alternative}`];
          const { openssl, ours } = validate({
            authorities: authorities.map(extensionsOf),
            leaf: stated === undefined ? own : withPolicy(own, stated),
            policies,
          });
          expect(ours, openssl).toMatchObject({ ok: openssl === undefined });
          seen[ours.ok ? 'good' : 'bad']++;
        },
      ),
      { numRuns: 60 },
    );
    expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(0);
  }, 300_000);

  it('gives a verdict whichever octet is changed', () => {
    validate({
      leaf: withPolicy(person, hardware),
      authorities: [[...authority, 'nameConstraints = permitted;email:desk.example']],
    });
    const anchors = [readX509Certificate(make.der('root'))];
    const intermediates = [readX509Certificate(make.der('authority-0'))];
    const leaf = make.der('leaf');
    for (let at = 0; at < leaf.length; at++) {
      const changed = Uint8Array.from(leaf);
      changed[at] = (changed[at] ?? 0) ^ 1;
      let read: ReturnType<typeof readX509Certificate>;
      try {
        read = readX509Certificate(changed);
      } catch (error) {
        expect(error).toMatchObject({ code: 'certificate_malformed' });
        continue;
      }
      const verdict = validatePath(read, { anchors, intermediates, at: soon(), purposes: [clientAuth], policies: [] });
      expect(verdict.ok, `byte ${at}`).toBe(false);
    }
  });
});

const name = (text: string) => derSetOf(tags.set, [derSequence(derObjectIdentifier(oid.commonName), derUtf8(text))]);
const root = issueCertificate({ name: 'Root', authority: true });
const issueLeaf = (options: Parameters<typeof issueCertificate>[0]) =>
  issueCertificate({
    issuer: root,
    keyUsage: [keyUsageBits.digitalSignature],
    extendedKeyUsage: { critical: false, purposes: [clientAuth] },
    ...options,
  });

/** Results of `validatePath`, of `findPath`, and of `findPath` with the leaf itself trusted. */
function resultsFor(options: Parameters<typeof issueCertificate>[0]): readonly string[] {
  const leaf = readX509Certificate(issueLeaf(options).certificate);
  const anchors = [readX509Certificate(root.certificate)];
  const requirements = { anchors, intermediates: [], at: testTime, purposes: [clientAuth], policies: [] };
  return [
    validatePath(leaf, requirements),
    findPath(leaf, [], { certificates: anchors, keys: [] }, testTime),
    findPath(leaf, [], { certificates: [leaf], keys: [] }, testTime),
  ].map((verdict) => (verdict.ok ? 'good' : verdict.reason));
}

describe('a leaf certificate', () => {
  it.each(keyKinds)('may have a key of the kind %s', (kind) => {
    expect(resultsFor({ kind })).toEqual(['good', 'good', 'good']);
  });

  it.each(['rsa-1024', 'p192', 'dsa'] as const)('is refused with a key of the kind %s, even if trusted', (kind) => {
    expect(resultsFor({ kind })).toEqual(['key_weak', 'key_weak', 'key_weak']);
  });

  it.each([
    ['a subject that is not a list of sets', { subject: derSequence(derUtf8('Ada')) }],
    ['a subject with an empty relative name', { subject: derSequence(derSetOf(tags.set, [])) }],
    ['a subject that is not UTF-8', { subject: derSequence(setOf(Uint8Array.of(0xff, 0xfe))) }],
    ['a subject with too many parts', { subject: derSequence(...Array.from({ length: 33 }, () => name('x'))) }],
    ['alternative names that are not a list', { alternativeNames: derUtf8('ada') }],
    [
      'a host with a NUL in it',
      { alternativeNames: derSequence(derElement(0x82, Buffer.from('desk.example\0.evil'))) },
    ],
    [
      'a mail address that is not ASCII',
      { alternativeNames: derSequence(derElement(0x81, Buffer.from('ädä@desk.example'))) },
    ],
    ['an address of five octets', { alternativeNames: derSequence(derElement(0x87, Buffer.alloc(5, 10))) }],
    ['an incomplete directory name', { alternativeNames: derSequence(derElement(0xa4, Uint8Array.of(0x30, 0x20))) }],
    ['another name without a form', { alternativeNames: derSequence(derElement(0xa0, derUtf8('ada'))) }],
  ] as const)('is refused for %s', (_, options) => {
    expect(resultsFor(options)).toEqual(['malformed', 'malformed', 'malformed']);
  });

  it('may have an empty subject and unsupported forms of names', () => {
    expect(resultsFor({ subject: derSequence() })).toEqual(['good', 'good', 'good']);
    const registered = derSequence(derElement(0x88, Uint8Array.of(0x2a, 3)));
    expect(resultsFor({ alternativeNames: registered })).toEqual(['good', 'good', 'good']);
  });
});

function setOf(text: Uint8Array): Uint8Array {
  const attribute = derSequence(derObjectIdentifier(oid.commonName), derElement(tags.utf8String, text));
  return derSetOf(tags.set, [attribute]);
}
