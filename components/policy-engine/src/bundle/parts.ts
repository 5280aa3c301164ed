import { type ApplicationModel, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type CodedError, type Digest, digestOf, type Json, plainJson, sha256Digest } from '@countersign/kernel';
import type { LoadedBundle } from './loaded-bundle.ts';
import { applicationFolder, detailTypesFile } from './located.ts';

interface BundlePart {
  readonly part: string;
  /** SHA-256 over the UTF-8 bytes of a text, or over the canonical form of JSON. */
  readonly digest: Digest;
  readonly content: Json;
}

/** The files of a bundle that affect decisions, without its tests. */
export function partsOf({
  schema,
  policies,
  entities,
  limits,
  rates,
  applications = [],
}: PolicyBundle): readonly BundlePart[] {
  return [
    text('schema.cedarschema', schema),
    ...policies.map(({ file, text: policy }) => text(file, policy)),
    json('entities.json', entities),
    json('limits.json', { limits, rates }),
    ...applications.flatMap(partsOfModel),
  ];
}

/** Parts of a model are named by its folder, so that they cannot be confused with those of another model or of the market. */
function partsOfModel(model: ApplicationModel): readonly BundlePart[] {
  const folder = applicationFolder(model);
  const { schema, policies, entities, tests: _tests, authorizationDetails, ...described } = model;
  return [
    json(`${folder}model.json`, plainJson(described)),
    text(`${folder}schema.cedarschema`, schema),
    ...policies.map(({ file, text: policy }) => text(`${folder}${file}`, policy)),
    json(`${folder}entities.json`, entities),
    ...(authorizationDetails === undefined
      ? []
      : // A recursive type of JSON members only.
        [json(`${folder}${detailTypesFile}`, authorizationDetails as unknown as Json)]),
  ];
}

export function testsOf({
  tests,
  applications = [],
}: Pick<PolicyBundle, 'tests' | 'applications'>): PolicyBundle['tests'] {
  return [
    ...tests,
    ...applications.flatMap((model) =>
      model.tests.map(({ file, content }) => ({ file: `${applicationFolder(model)}${file}`, content })),
    ),
  ];
}

/**
 * Digest over the digests of the parts: the same rules have the same hash wherever they are read from, and the hash can be verified
 * with the digests only.
 */
export function hashOfBundle(bundle: PolicyBundle): Digest {
  return digestOf({ v: 1, parts: partsOf(bundle).map(({ part, digest }) => ({ part, digest })) });
}

function text(part: string, content: string): BundlePart {
  return { part, digest: sha256Digest(content), content };
}

function json(part: string, content: Json): BundlePart {
  return { part, digest: digestOf(content), content };
}

const types = ['Person', 'Service', 'Agent', 'Institution', 'Transaction', 'Resource'] as const;
const action = 'token:issue';

/**
 * Why a bundle has no rules for the market; undefined if it has. With another schema no token could be issued, so nobody could roll
 * the bundle back.
 */
export function foreignFault({ parsed: { schema } }: Pick<LoadedBundle, 'parsed'>): CodedError | undefined {
  const file = 'schema.cedarschema';
  const problems = types
    .filter((type) => !schema.entityTypes.has(type))
    .map((type) => ({ file, message: `the market's entity ${type} is not declared` }));
  if (schema.actions.find({ type: 'Action', id: action }) === undefined)
    problems.push({ file, message: `the market's action ${action} is not declared` });
  if (problems.length === 0) return undefined;
  return policyErrors.error(
    'policy_invalid',
    'These are not rules for the market. If they are for an application, add a model.json to make them an application model.',
    { facts: { problems } },
  );
}
