import type { PolicyBundle } from '@countersign/contracts';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
const nameOf = (ending: string) => Type.String({ pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\.${ending}$` });
const maxFiles = 200;
const entries = { maxItems: 100_000 };

/** Of a body that carries a bundle, and some words around it. */
export const bundleBodyLimit = 4 * 1024 * 1024 + 4_096;

/** `PolicyBundle` of the contracts, as it is sent; whether what it says can decide is found out when it is loaded. */
export const policyBundleBody = Type.Unsafe<PolicyBundle>(
  Type.Object(
    {
      schema: Type.String({ description: 'Cedar schema' }),
      policies: Type.Array(
        Type.Object({ file: nameOf('cedar'), text: Type.String({ description: 'Cedar policies' }) }, closed),
        { maxItems: maxFiles, description: 'By file name, in the order of the names' },
      ),
      entities: Type.Array(Type.Unknown(), { ...entries, description: 'Reference data, as Cedar entities' }),
      limits: Type.Array(Type.Unknown(), { maxItems: 10_000, description: 'Limit definitions' }),
      rates: Type.Record(Type.String(), Type.String(), {
        description: 'Prudential rates into the currencies of limits, `"USD/EUR": "0.93"`',
      }),
      tests: Type.Array(Type.Object({ file: nameOf('json'), content: Type.Unknown() }, closed), {
        maxItems: maxFiles,
        description: 'By file name, in the order of the names',
      }),
    },
    { ...closed, title: 'PolicyBundle' },
  ),
);
