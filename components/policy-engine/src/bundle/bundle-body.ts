import { type ApplicationModel, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { firstFaultIn } from './located.ts';

const closed = { additionalProperties: false };
const nameOf = (ending: string) => Type.String({ pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\.${ending}$` });
const maxFiles = 200;
const entries = { maxItems: 100_000 };

export const bundleBodyLimit = 4 * 1024 * 1024 + 4_096;

/** The JSON form of `PolicyBundle`; its contents are validated by `loadBundle`. */
const texts = Type.Array(
  Type.Object({ file: nameOf('cedar'), text: Type.String({ description: 'Cedar policies' }) }, closed),
  { maxItems: maxFiles, description: 'By file name, in the order of the names' },
);
const tests = Type.Array(Type.Object({ file: nameOf('json'), content: Type.Unknown() }, closed), {
  maxItems: maxFiles,
  description: 'By file name, in the order of the names',
});
const clients = Type.Array(Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' }), { maxItems: 256, uniqueItems: true });

const applicationDescription = {
  namespace: Type.String({
    pattern: '^[A-Z][A-Za-z0-9]{0,31}$',
    description: 'Cedar namespace of all its declarations',
  }),
  types: Type.Record(
    Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$' }),
    Type.Object(
      {
        entity: Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$' }),
        properties: Type.Optional(
          Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
            maxItems: 64,
            uniqueItems: true,
            description: 'Attributes that a question may state',
          }),
        ),
        open: Type.Optional(Type.Literal(true, { description: 'A question may be about one that is not stored' })),
      },
      closed,
    ),
    {
      minProperties: 1,
      maxProperties: 64,
      additionalProperties: false,
      description: 'By the names of AuthZEN questions',
    },
  ),
  clients: Type.Object({ ask: clients, write: clients }, { ...closed, description: 'Ids of clients' }),
};

const shown = (maxLength: number) => Type.String({ minLength: 1, maxLength });

const rendering = Type.Object(
  {
    title: shown(80),
    lines: Type.Array(
      Type.Object(
        {
          pointer: Type.String({
            pattern: '^(/([A-Za-z0-9_]{1,64}|\\*)){1,8}$',
            description: 'JSON pointer; * stands for each item of a list of objects or lists',
          }),
          label: shown(60),
          words: Type.Optional(
            Type.Record(Type.String({ maxLength: 1_024 }), shown(80), {
              description: 'For each value of an enum, or for true and false',
            }),
          ),
        },
        closed,
      ),
      { maxItems: 128 },
    ),
  },
  {
    ...closed,
    description: 'How to show a detail to a person: a line for each member. Without it no person is asked for consent',
  },
);

const detailTypes = Type.Array(
  Type.Object(
    {
      type: Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$', description: 'An https URI' }),
      audience: Type.String({
        pattern: '^[\\x21-\\x7e]{1,512}$',
        description: 'URI of the interface that tokens with this detail are for',
      }),
      schema: Type.Unknown({ description: 'JSON Schema of its members: a closed object of bounded size' }),
      rendering: Type.Optional(rendering),
    },
    closed,
  ),
  { minItems: 1, maxItems: 16, description: 'Types of authorization details (RFC 9396)' },
);

const applicationModelBody = Type.Unsafe<ApplicationModel>(
  Type.Object(
    {
      ...applicationDescription,
      schema: Type.String({ description: 'Cedar schema' }),
      policies: texts,
      entities: Type.Array(Type.Unknown(), entries),
      tests,
      authorizationDetails: Type.Optional(detailTypes),
    },
    { ...closed, title: 'ApplicationModel' },
  ),
);

export const policyBundleBody = Type.Unsafe<PolicyBundle>(
  Type.Object(
    {
      schema: Type.String({ description: 'Cedar schema' }),
      policies: texts,
      entities: Type.Array(Type.Unknown(), { ...entries, description: 'Reference data, as Cedar entities' }),
      limits: Type.Array(Type.Unknown(), { maxItems: 10_000, description: 'Limit definitions' }),
      rates: Type.Record(Type.String(), Type.String(), {
        description: 'Prudential rates into the currencies of limits, `"USD/EUR": "0.93"`',
      }),
      tests,
      applications: Type.Optional(
        Type.Array(applicationModelBody, {
          maxItems: 32,
          description: 'Application models, sorted by namespace',
        }),
      ),
    },
    { ...closed, title: 'PolicyBundle' },
  ),
);

const compiled = Compile(policyBundleBody);
const compiledModel = Compile(applicationModelBody);
const files = [
  ['schema', 'schema.cedarschema'],
  ['entities', 'entities.json'],
  ['limits', 'limits.json'],
  ['rates', 'limits.json'],
] as const;

/** `loadBundle` validates the contents. @throws CodedError `policy_invalid` */
export function readBundle(value: unknown): PolicyBundle {
  if (compiled.Check(value)) return value;
  const fault = firstFaultIn(value, compiled) ?? '/ is invalid';
  const file = files.find(([member]) => fault.startsWith(`/${member}`))?.[1];
  throw policyErrors.error(
    'policy_invalid',
    `The bundle cannot be read: ${fault}.${file === undefined ? '' : ` Correct ${file}.`}`,
  );
}

/** @throws CodedError `policy_invalid` */
export function readApplication(value: unknown): ApplicationModel {
  if (compiledModel.Check(value)) return value;
  const fault = firstFaultIn(value, compiledModel) ?? '/ is invalid';
  throw policyErrors.error('policy_invalid', `The application model cannot be read (model.json): ${fault}.`);
}
