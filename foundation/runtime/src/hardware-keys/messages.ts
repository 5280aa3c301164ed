import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const closed = { additionalProperties: false };
const octets = Type.String({ pattern: '^[A-Za-z0-9_-]*$' });
const algorithm = Type.Enum(['ES256', 'EdDSA', 'PS256', 'RS256']);
const reference = {
  label: Type.String({ minLength: 1, maxLength: 128 }),
  /** `CKA_ID` in hexadecimal. */
  id: Type.String({ pattern: '^([0-9a-f]{2}){1,32}$' }),
};

const settingsSchema = Type.Object(
  {
    module: Type.String({ minLength: 1, maxLength: 1024 }),
    token: Type.Object(
      { label: Type.Optional(Type.String()), serial: Type.Optional(Type.String()) },
      { ...closed, minProperties: 1 },
    ),
    /** A reference; the signer reads the PIN itself. */
    pin: Type.String({ minLength: 1, maxLength: 1024 }),
    sessions: Type.Integer({ minimum: 1, maximum: 64 }),
    callTimeoutMs: Type.Integer({ minimum: 1 }),
    canaryEveryMs: Type.Integer({ minimum: 1 }),
    /** URL of the module that checks statements. Without it every statement is signed. */
    statements: Type.Optional(Type.String()),
    statementFacts: Type.Record(Type.String(), Type.String()),
  },
  closed,
);
export type SignerSettings = Readonly<Static<typeof settingsSchema>>;

const requestSchema = Type.Union([
  Type.Object({ call: Type.Integer(), op: Type.Literal('open'), settings: settingsSchema }, closed),
  Type.Object({ call: Type.Integer(), op: Type.Literal('generate'), algorithm, label: reference.label }, closed),
  Type.Object({ call: Type.Integer(), op: Type.Literal('find'), algorithm, ...reference }, closed),
  Type.Object({ call: Type.Integer(), op: Type.Literal('destroy'), ...reference }, closed),
  Type.Object(
    {
      call: Type.Integer(),
      op: Type.Literal('sign'),
      algorithm,
      ...reference,
      purpose: Type.String(),
      kid: Type.String(),
      data: octets,
      document: Type.Optional(octets),
      record: Type.Optional(Type.String()),
    },
    closed,
  ),
  Type.Object(
    {
      call: Type.Integer(),
      op: Type.Enum(['encrypt', 'decrypt']),
      label: reference.label,
      data: octets,
      bound: Type.String(),
    },
    closed,
  ),
]);
export type SignerRequest = Readonly<Static<typeof requestSchema>>;
export type SignerCall = WithoutCall<SignerRequest>;
type WithoutCall<Request> = Request extends { readonly call: number } ? Omit<Request, 'call'> : never;

const requests = Compile(requestSchema);

/** The request in a frame, or undefined. */
export function parseSignerRequest(message: unknown): SignerRequest | undefined {
  return requests.Check(message) ? message : undefined;
}

const answerSchema = Type.Union([
  Type.Object({ call: Type.Integer(), result: Type.Record(Type.String(), Type.Unknown()) }, closed),
  Type.Object(
    {
      call: Type.Integer(),
      error: Type.Object(
        { code: Type.String(), detail: Type.String(), internal: Type.Optional(Type.String()) },
        closed,
      ),
    },
    closed,
  ),
]);
export type SignerAnswer = Readonly<Static<typeof answerSchema>>;
const answers = Compile(answerSchema);

/** The answer in a frame, or undefined. */
export function parseSignerAnswer(message: unknown): SignerAnswer | undefined {
  return answers.Check(message) ? message : undefined;
}

const attributes = Type.Object(
  {
    sensitive: Type.Boolean(),
    always_sensitive: Type.Boolean(),
    extractable: Type.Boolean(),
    never_extractable: Type.Boolean(),
    local: Type.Boolean(),
    sign: Type.Boolean(),
    decrypt: Type.Boolean(),
    unwrap: Type.Boolean(),
    derive: Type.Boolean(),
  },
  closed,
);
const found = Compile(
  Type.Object({ ...reference, jwk: Type.Record(Type.String(), Type.String()), attributes }, closed),
);
const token = Compile(
  Type.Object(
    {
      label: Type.String(),
      serial: Type.String(),
      manufacturer: Type.String(),
      model: Type.String(),
    },
    closed,
  ),
);
const bytes = Compile(Type.Object({ data: octets }, closed));

/** Attributes of a private key as the token reports them. */
export type HardwareKeyAttributes = Readonly<Static<typeof attributes>>;

export interface FoundKey {
  readonly label: string;
  readonly id: string;
  readonly jwk: Readonly<Record<string, string>>;
  readonly attributes: HardwareKeyAttributes;
}

export interface TokenDescription {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
}

const unreadable = (): Error => new Error('the signer answered in a form that this release does not know');

export function parseFoundKey(result: unknown): FoundKey {
  if (!found.Check(result)) throw unreadable();
  return result;
}

export function parseTokenDescription(result: unknown): TokenDescription {
  if (!token.Check(result)) throw unreadable();
  return result;
}

export function parseOctets(result: unknown): Buffer {
  if (!bytes.Check(result)) throw unreadable();
  return Buffer.from(result.data, 'base64url');
}
