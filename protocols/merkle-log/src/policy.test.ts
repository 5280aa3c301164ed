import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeKeyId, describeQuorum, formatVerifierKey, type PolicyFault, parsePolicy } from './index.ts';
import { signingKey } from './testing/signing-key.ts';

const logKey = signingKey('log.example/one').key;
const otherLogKey = signingKey('log.example/two').key;
const log = formatVerifierKey(logKey);
const vkeyOf = (name: string) => formatVerifierKey(signingKey(name, 'ed25519-cosignature').key);
const witness = (name: string, url = '') => `witness ${name} ${vkeyOf(`${name}.example`)} ${url}\n`;

/** The example of the specification, with keys. */
const example = [
  `log ${log}`,
  '',
  ...['X1', 'X2', 'X3'].map((name) => witness(name).trimEnd()),
  'group X-witnesses 2 X1 X2 X3',
  '',
  ...['Y1', 'Y2', 'Y3'].map((name) => witness(name).trimEnd()),
  'group Y-witnesses any Y1 Y2 Y3',
  '',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
  '',
].join('\n');

function parsed(text: string | Uint8Array) {
  const result = parsePolicy(text);
  if (!result.ok) expect.fail(`${result.reason} in line ${result.line}`);
  return result.policy;
}

describe('a policy', () => {
  it('is read as in the example of the specification', () => {
    const policy = parsed(example);
    expect(policy.logs.map(({ key, url }) => [key.name, url])).toEqual([['log.example/one', undefined]]);
    expect(policy.witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3']);
    expect(describeQuorum(policy.quorum)).toBe('all of (2 of (X1, X2, X3), 1 of (Y1, Y2, Y3))');
  });

  it('may name no log and no witness, but always has a quorum', () => {
    expect(parsed('quorum none\n')).toEqual({ logs: [], witnesses: [], quorum: { kind: 'none' } });
    expect(parsePolicy(`log ${log}\n`)).toEqual({ ok: false, reason: 'quorum_missing', line: 0 });
    expect(parsePolicy('')).toEqual({ ok: false, reason: 'quorum_missing', line: 0 });
  });

  it('may have addresses, comments, empty lines, tabs and surrounding white space', () => {
    const policy = parsed(
      ` \t# who\n\n\tlog\t${log}  https://log.example/ \n${witness('W', 'https://w.example/sub/')}quorum \t W\t\n# \u00e9\n`,
    );
    expect(policy.logs[0]?.url).toBe('https://log.example/');
    expect(policy.witnesses[0]?.url).toBe('https://w.example/sub/');
    expect(describeQuorum(policy.quorum)).toBe('W');
  });

  it('may list witnesses after the quorum, which do not count towards it', () => {
    expect(parsed(`${witness('A')}quorum A\n${witness('B')}`).witnesses).toHaveLength(2);
  });

  it('compares names as octets: a Kelvin sign is not a K, and text that is not UTF-8 is a name too', () => {
    const bytes = Buffer.concat([
      Buffer.from(`${witness('K')}${witness('\u212a')}`),
      Buffer.from(`witness `),
      Buffer.of(0xff),
      Buffer.from(` ${vkeyOf('raw')}\ngroup G all K \u212a `),
      Buffer.of(0xff),
      Buffer.from('\nquorum G\n'),
    ]);
    expect(parsed(bytes).witnesses).toHaveLength(3);
  });

  it('accepts the size that the specification recommends, and is bounded', () => {
    const names = Array.from({ length: 200 }, (_, index) => `w${index}`);
    const text = (of: readonly string[]) =>
      `${of.map((name) => witness(name)).join('')}group G 3 ${of.join(' ')}\nquorum G\n`;
    expect(parsed(text(names)).witnesses).toHaveLength(200);
    const many = Array.from({ length: 600 }, (_, index) => `log ${formatVerifierKey(signingKey(`l${index}`).key)}\n`);
    expect(parsePolicy(`${many.join('')}quorum none\n`)).toMatchObject({ ok: false, reason: 'too_large' });
    expect(parsePolicy('#'.repeat(300_000))).toMatchObject({ ok: false, reason: 'too_large' });
  });

  it.each<readonly [string, PolicyFault, number, string]>([
    ['no newline at its end', 'unterminated_line', 2, `log ${log}\nquorum none`],
    ['a carriage return', 'control_character', 1, 'quorum none\r\n'],
    ['a NUL', 'control_character', 1, 'quorum none\u0000\n'],
    ['a delete character', 'control_character', 1, '# \u007f\n'],
    ['an unknown keyword', 'malformed_line', 1, 'witnesses none\n'],
    ['a keyword in capitals', 'malformed_line', 1, 'Quorum none\n'],
    ['a comment behind a line', 'malformed_line', 1, 'quorum none # really\n'],
    ['a log without key', 'malformed_line', 1, 'log\n'],
    ['a log with too much behind it', 'malformed_line', 1, `log ${log} https://a https://b\n`],
    ['an invalid key', 'malformed_key', 1, 'log log.example/one+00000000+AQID\n'],
    ['a key with another id', 'malformed_key', 1, `log ${log.replace(/\+[0-9a-f]{8}\+/, '+00000000+')}\n`],
    ['a witness key for a log', 'unsupported_key', 1, `log ${vkeyOf('log.example/one')}\n`],
    ['a log key for a witness', 'unsupported_key', 1, `witness W ${log}\n`],
    ['a log twice', 'duplicate_key', 2, `log ${log}\nlog ${log}\n`],
    [
      'the key of a log under two names',
      'duplicate_key',
      2,
      `log ${log}\nlog ${formatVerifierKey({ ...otherLogKey, ...rekeyed('log.example/two', logKey.publicKey) })}\n`,
    ],
    ['a witness twice under other names', 'duplicate_key', 2, `witness A ${vkeyOf('a')}\nwitness B ${vkeyOf('a')}\n`],
    ['a name twice', 'duplicate_name', 2, `witness A ${vkeyOf('a')}\nwitness A ${vkeyOf('b')}\n`],
    ['a group by the name of a witness', 'duplicate_name', 2, `${witness('A')}group A any A\n`],
    ['a witness with the name none', 'reserved_name', 1, `witness none ${vkeyOf('a')}\n`],
    ['a group with the name none', 'reserved_name', 2, `${witness('A')}group none any A\n`],
    ['none as a member', 'unknown_name', 2, `${witness('A')}group G any A none\n`],
    ['a group of what is defined later', 'unknown_name', 1, `group G any A\n${witness('A')}`],
    ['a group of itself', 'unknown_name', 2, `${witness('A')}group G any A G\n`],
    ['a group without members', 'malformed_line', 2, `${witness('A')}group G any\n`],
    ['a member twice in a group', 'member_twice', 2, `${witness('A')}group G any A A\n`],
    ['a member of two groups', 'member_twice', 3, `${witness('A')}group G any A\ngroup H any A\n`],
    ['a threshold of zero', 'bad_threshold', 2, `${witness('A')}group G 0 A\n`],
    ['a threshold that cannot be met', 'bad_threshold', 2, `${witness('A')}group G 2 A\n`],
    ['a threshold with a leading zero', 'bad_threshold', 2, `${witness('A')}group G 01 A\n`],
    ['a threshold that is not a number', 'bad_threshold', 2, `${witness('A')}group G most A\n`],
    ['two quorums', 'quorum_twice', 2, 'quorum none\nquorum none\n'],
    ['a quorum that is not defined', 'unknown_name', 1, 'quorum W\n'],
    ['a quorum of two', 'malformed_line', 1, 'quorum none none\n'],
  ])('with %s is refused with the line number', (_, reason, line, text) => {
    expect(parsePolicy(text)).toEqual({ ok: false, reason, line });
  });

  it('never throws, whatever its text', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof parsePolicy(bytes).ok === 'boolean'));
    const words = fc.constantFrom(
      'log',
      'witness',
      'group',
      'quorum',
      'none',
      'any',
      'all',
      '2',
      'A',
      vkeyOf('a'),
      log,
      '\n',
    );
    fc.assert(fc.property(fc.array(words), (line) => typeof parsePolicy(line.join(' ')).ok === 'boolean'));
  });
});

/** The same public key under another name. */
function rekeyed(name: string, publicKey: Uint8Array) {
  const { key } = signingKey(name);
  return { ...key, publicKey, keyId: idOf(name, publicKey) };
}

function idOf(name: string, publicKey: Uint8Array): number {
  return computeKeyId({ name, type: 'ed25519', publicKey });
}
