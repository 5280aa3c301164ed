import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import { type Digest, digestOf, type Json, sha256Base64Url } from '@countersign/kernel';
import { applicationFolder, detailTypesFile } from './application.ts';

/** One file of a bundle that decides. */
interface BundlePart {
  /** Name of the file in the folder. */
  readonly part: string;
  /** Of a text, SHA-256 over its UTF-8 bytes; of JSON, over its canonical form. */
  readonly digest: Digest;
  readonly content: Json;
}

/** What of a bundle decides, file by file; its tests say nothing about that. */
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

/** A model's own are named by its folder, so that nothing of one model can be taken for that of another, or of the market. */
function partsOfModel(model: ApplicationModel): readonly BundlePart[] {
  const folder = applicationFolder(model);
  const { schema, policies, entities, tests: _tests, authorizationDetails, ...described } = model;
  return [
    json(`${folder}model.json`, described as unknown as Json),
    text(`${folder}schema.cedarschema`, schema),
    ...policies.map(({ file, text: policy }) => text(`${folder}${file}`, policy)),
    json(`${folder}entities.json`, entities),
    ...(authorizationDetails === undefined
      ? []
      : [json(`${folder}${detailTypesFile}`, authorizationDetails as unknown as Json)]),
  ];
}

/** The tests of a bundle and of its models, with the files that they lie in. */
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
 * Digest over the digests of the parts: the same rules have the same hash wherever they are read from, and whoever has
 * only the digests can still tell that they belong to it.
 */
export function hashOfBundle(bundle: PolicyBundle): Digest {
  return digestOf({ v: 1, parts: partsOf(bundle).map(({ part, digest }) => ({ part, digest })) });
}

function text(part: string, content: string): BundlePart {
  return { part, digest: sha256Base64Url(content) as Digest, content };
}

function json(part: string, content: Json): BundlePart {
  return { part, digest: digestOf(content), content };
}
