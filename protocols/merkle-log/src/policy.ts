import { decodeText } from './strict-text.ts';
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts';

export interface PolicyLog {
  readonly key: VerifierKey;
  readonly url: string | undefined;
}

/** The name has no meaning outside the policy. */
export interface PolicyWitness {
  readonly name: string;
  readonly key: VerifierKey;
  /** Submission prefix of tlog-witness. */
  readonly url: string | undefined;
}

/** Each name appears at most once. */
export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly witness: PolicyWitness }
  | {
      readonly kind: 'group';
      readonly name: string;
      /** At least 1. */
      readonly threshold: number;
      readonly members: readonly Quorum[];
    };

export interface TlogPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: Quorum;
}

export type PolicyFault =
  | 'too_large'
  | 'control_character'
  | 'unterminated_line'
  | 'malformed_line'
  | 'malformed_key'
  | 'unsupported_key'
  | 'duplicate_key'
  | 'duplicate_name'
  | 'reserved_name'
  | 'unknown_name'
  | 'member_twice'
  | 'bad_threshold'
  | 'quorum_missing'
  | 'quorum_twice';

export type ParsedPolicy =
  | { readonly ok: true; readonly policy: TlogPolicy }
  /** Counts from 1; 0 if no single line is at fault. */
  | { readonly ok: false; readonly reason: PolicyFault; readonly line: number };

const maxPolicySize = 262_144;
/** The specification requires at least 32 logs, witnesses and groups. */
const maxDefinitions = 512;
const noQuorum = 'none';

/**
 * Reads a C2SP tlog-policy. Names are compared by octets. An unsupported key type refuses the file, because that
 * witness could never count.
 */
export function parsePolicy(input: Uint8Array | string): ParsedPolicy {
  if (Buffer.byteLength(input) > maxPolicySize) return { ok: false, reason: 'too_large', line: 0 };
  // One character per octet: the syntax is ASCII, and names may hold other octets.
  const octets = (typeof input === 'string' ? Buffer.from(input) : Buffer.from(input)).toString('latin1');
  const reader = new PolicyReader();
  const lines = octets.split('\n');
  const rest = lines.pop();
  for (const [index, line] of lines.entries()) {
    const fault = reader.read(line);
    if (fault !== undefined) return { ok: false, reason: fault, line: index + 1 };
  }
  if (rest !== '') return { ok: false, reason: 'unterminated_line', line: lines.length + 1 };
  return reader.result();
}

class PolicyReader {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #named = new Map<string, Quorum>();
  readonly #members = new Set<string>();
  #quorum: Quorum | undefined;

  read(line: string): PolicyFault | undefined {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the specification does not allow.
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line)) return 'control_character';
    const items = line.split(/[ \t]+/).filter((item) => item !== '');
    const [keyword, ...rest] = items;
    if (keyword === undefined || keyword.startsWith('#')) return undefined;
    if (this.#logs.length + this.#named.size >= maxDefinitions) return 'too_large';
    switch (keyword) {
      case 'log':
        return this.#log(rest);
      case 'witness':
        return this.#witness(rest);
      case 'group':
        return this.#group(rest);
      case 'quorum':
        return this.#defineQuorum(rest);
      default:
        return 'malformed_line';
    }
  }

  result(): ParsedPolicy {
    if (this.#quorum === undefined) return { ok: false, reason: 'quorum_missing', line: 0 };
    return { ok: true, policy: { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum } };
  }

  #log([vkey, url, ...more]: readonly string[]): PolicyFault | undefined {
    if (vkey === undefined || more.length > 0) return 'malformed_line';
    const key = keyOf(vkey, 'ed25519');
    if (typeof key === 'string') return key;
    if (this.#logs.some((known) => sameKey(known.key, key))) return 'duplicate_key';
    this.#logs.push({ key, url: url === undefined ? undefined : shown(url) });
    return undefined;
  }

  #witness([name, vkey, url, ...more]: readonly string[]): PolicyFault | undefined {
    if (name === undefined || vkey === undefined || more.length > 0) return 'malformed_line';
    const key = keyOf(vkey, 'ed25519-cosignature');
    if (typeof key === 'string') return key;
    if (this.#witnesses.some((known) => sameKey(known.key, key))) return 'duplicate_key';
    const witness = { name: shown(name), key, url: url === undefined ? undefined : shown(url) };
    const fault = this.#define(name, { kind: 'witness', witness });
    if (fault === undefined) this.#witnesses.push(witness);
    return fault;
  }

  #group([name, count, ...names]: readonly string[]): PolicyFault | undefined {
    if (name === undefined || count === undefined || names.length === 0) return 'malformed_line';
    const threshold = count === 'all' ? names.length : count === 'any' ? 1 : decimal(count);
    if (threshold === undefined || threshold < 1 || threshold > names.length) return 'bad_threshold';
    const members: Quorum[] = [];
    for (const member of names) {
      const known = this.#named.get(member);
      if (known === undefined) return 'unknown_name';
      if (this.#members.has(member)) return 'member_twice';
      this.#members.add(member);
      members.push(known);
    }
    return this.#define(name, { kind: 'group', name: shown(name), threshold, members });
  }

  #defineQuorum([name, ...more]: readonly string[]): PolicyFault | undefined {
    if (name === undefined || more.length > 0) return 'malformed_line';
    if (this.#quorum !== undefined) return 'quorum_twice';
    this.#quorum = name === noQuorum ? { kind: 'none' } : this.#named.get(name);
    return this.#quorum === undefined ? 'unknown_name' : undefined;
  }

  #define(name: string, what: Quorum): PolicyFault | undefined {
    if (name === noQuorum) return 'reserved_name';
    if (this.#named.has(name)) return 'duplicate_name';
    this.#named.set(name, what);
    return undefined;
  }
}

function keyOf(octets: string, type: VerifierKey['type']): VerifierKey | PolicyFault {
  const text = decodeText(Buffer.from(octets, 'latin1'));
  const parsed = text === undefined ? undefined : parseVerifierKey(text);
  if (parsed === undefined) return 'malformed_key';
  if (!parsed.ok) return parsed.reason === 'unsupported_type' ? 'unsupported_key' : 'malformed_key';
  return parsed.key.type === type ? parsed.key : 'unsupported_key';
}

/** "Duplicate if they wrap the same underlying public key, even if they differ by key name and key id." */
function sameKey(one: VerifierKey, other: VerifierKey): boolean {
  return Buffer.compare(one.publicKey, other.publicKey) === 0;
}

function decimal(text: string): number | undefined {
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
}

/** For display: invalid UTF-8 becomes replacement characters. */
function shown(octets: string): string {
  return Buffer.from(octets, 'latin1').toString();
}
