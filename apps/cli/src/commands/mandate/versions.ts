import { writeFileSync } from 'node:fs';
import { CodedError, isCodedError } from '@countersign/kernel';
import { isObject } from '@countersign/sdk/calling';
import type { VersionFault, verifyMandateVersions } from '@countersign/server';
import { request, type Schemas } from '../../api.ts';
import type { Connection } from '../../connection.ts';
import { bold, dim, exitCodes, green, print, red, yellow } from '../../output.ts';
import { readJson } from '../../read-json.ts';
import { visible } from '../../visible.ts';
import { type AddCommands, drawDifferences, statusOf } from './door.ts';

/** Stored versions and keys: exactly what {@link verify} needs. */
interface KeptVersions {
  readonly versions: readonly Schemas['Mandate'][];
  /** Versions of the parent mandate, if visible. */
  readonly parents?: readonly Schemas['Mandate'][];
  readonly keys: readonly unknown[];
}

type VerificationInput = Parameters<typeof verifyMandateVersions>;

/** Shows the history of a mandate and verifies it. */
export const versionCommands: AddCommands = (mandate, connection) => {
  mandate
    .command('versions <id>')
    .description('every version, and whether digests, chain and signatures hold, checked here')
    .option('--keys <file>', 'the key set of /mandates/keys, obtained independently of the control plane')
    .option('--out <file>', 'also write versions and keys into a file, for `mandate verify`')
    .action(async (id: string, flags: { keys?: string; out?: string }) => {
      const kept = await fetchVersions(connection(), id);
      if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(kept, undefined, 1)}\n`, { mode: 0o600 });
      const code = await show(kept, flags.keys);
      // Keys of the same control plane are expected here. The output states that they are its own, so this is no failure.
      process.exitCode = code === exitCodes.unverified ? code : exitCodes.ok;
    });
  mandate
    .command('verify <file>')
    .description('check versions that were kept with `mandate versions --out`: no network')
    .option('--keys <file>', 'the key set of /mandates/keys, obtained independently of the control plane')
    .action(async (path: string, flags: { keys?: string }) => {
      process.exitCode = await show(readKept(path), flags.keys);
    });
};

async function fetchVersions(connection: Connection, id: string): Promise<KeptVersions> {
  const versions = await versionsOf(connection, id);
  const parent = versions.at(-1)?.parent?.id;
  const parents = parent === undefined ? undefined : await versionsOf(connection, parent).catch(notTheirs);
  const { keys } = await request(connection, 'GET /mandates/keys', { scope: 'mandate:read' });
  return { versions, ...(parents === undefined ? {} : { parents }), keys };
}

async function versionsOf(connection: Connection, id: string): Promise<readonly Schemas['Mandate'][]> {
  const inputs = { scope: 'mandate:read', params: { id } } as const;
  return (await request(connection, 'GET /mandates/{id}/versions', inputs)).versions;
}

/** A party of a mandate need not be a party of its parent. */
function notTheirs(error: unknown): undefined {
  if (isCodedError(error, 'mandate_not_found')) return undefined;
  throw error;
}

const faults: Readonly<Record<VersionFault, string>> = {
  digest: 'its content is not what its digest is of',
  chain: 'it does not follow the version before it',
  'signature-missing': 'it is not signed, and one before it is',
  'signature-key-unknown': 'it is signed by a key that is not in the key set',
  'signature-wrong': 'its signature is not over its digest',
  'consent-terms': 'a consent names other terms than it stands beside',
  parent: 'the mandate it was cut from is another version than it names',
};

async function show({ versions, parents, keys }: KeptVersions, keyFile: string | undefined): Promise<number> {
  versions.forEach((version, place) => {
    for (const line of drawVersion(version, versions[place - 1])) print(line);
  });
  const known = keyFile === undefined ? keys : keysIn(keyFile);
  const { verifyMandateVersions: verify } = await import('@countersign/server');
  // Verifies each version's canonical form exactly as received, including unknown members.
  const verified = verify(
    versions as unknown as VerificationInput[0],
    known.flatMap(verificationKeyOf),
    parents as unknown as VerificationInput[2],
  );
  if (!verified.ok) {
    print(bold(red(`NOT VERIFIED: version ${verified.version}: ${faults[verified.fault]} (${verified.fault}).`)));
    return exitCodes.unverified;
  }
  const { signedFrom } = verified;
  if (signedFrom === undefined) print(bold(yellow('CONSISTENT, NOT SIGNED: made before versions were signed.')));
  else print(`${green('ok')}  digests, chain and consents hold; signed from version ${signedFrom} on`);
  const parentHidden = versions.at(-1)?.parent !== undefined && parents === undefined;
  if (parentHidden)
    print(yellow('The mandate it was cut from is not yours to see: that it is the version named was not checked.'));
  if (keyFile === undefined && signedFrom !== undefined)
    print(
      yellow('The keys were those that came with it, and speak for themselves. Pass the ones you know with --keys.'),
    );
  if (signedFrom === undefined || keyFile === undefined) return exitCodes.unanchored;
  return parentHidden ? exitCodes.incomplete : exitCodes.ok;
}

function drawVersion(version: Schemas['Mandate'], before: Schemas['Mandate'] | undefined): readonly string[] {
  const { amendment } = version;
  // A file may lack the consents.
  const consents = (amendment?.consents ?? version.consents ?? []).map(
    ({ part, signatory }) => `${part} ${visible(signatory)}`,
  );
  const said = consents.length === 0 ? '' : dim(`  consents: ${consents.join(', ')}`);
  const waits = amendment === undefined ? '' : yellow(`  ${amendment.kind} waits`);
  return [
    `v${version.version}  ${statusOf(version.status)} ${version.recordedAt}${waits}${said}`,
    ...(before === undefined ? [] : drawDifferences(before, version)),
    ...(amendment === undefined ? [] : [dim(`  terms digest ${amendment.termsDigest}, would change:`)]),
    ...(amendment === undefined ? [] : drawDifferences(version, amendment.terms)),
  ];
}

function verificationKeyOf(jwk: unknown): VerificationInput[1] {
  if (typeof jwk !== 'object' || jwk === null) return [];
  // Each member is checked below.
  const { kid, alg } = jwk as Readonly<Record<string, unknown>>;
  if (typeof kid !== 'string' || (alg !== 'ES256' && alg !== 'EdDSA' && alg !== 'PS256')) return [];
  // The import of the key checks its members.
  return [{ kid, algorithm: alg, jwk: jwk as Readonly<Record<string, string>> }];
}

function keysIn(path: string): readonly unknown[] {
  const set = readJson(path, 'Name a key set: what /mandates/keys answers.');
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (Array.isArray(keys)) return keys;
  throw new CodedError({
    code: 'key_set_malformed',
    category: 'invalid',
    detail: `${path} must hold a JWK Set: { "keys": [ ... ] }.`,
  });
}

function readKept(path: string): KeptVersions {
  const file = readJson(path, 'Name a file that `mandate versions --out` wrote.');
  // Each member is checked below.
  const { versions, parents, keys } = typeof file === 'object' && file !== null ? (file as Partial<KeptVersions>) : {};
  if (
    areVersions(versions) &&
    versions.length > 0 &&
    Array.isArray(keys) &&
    (parents === undefined || areVersions(parents))
  )
    return { versions, ...(parents === undefined ? {} : { parents }), keys };
  throw new CodedError({
    code: 'versions_malformed',
    category: 'invalid',
    detail: `${path} must hold { "versions": [ ... ], "keys": [ ... ] }, as \`mandate versions --out\` writes it.`,
  });
}

/** Checks the members that are read here; the others only contribute to the digest. */
function areVersions(value: unknown): value is readonly Schemas['Mandate'][] {
  return Array.isArray(value) && value.every((version) => isVersion(version));
}

function isVersion(value: unknown): boolean {
  if (!isObject(value) || typeof value['version'] !== 'number') return false;
  const { signature, amendment, consents = [], parent } = value;
  return (
    ['id', 'status', 'recordedAt', 'digest'].every((name) => typeof value[name] === 'string') &&
    isTerms(value) &&
    areObjects(consents) &&
    (parent === undefined || isObject(parent)) &&
    (signature === undefined ||
      (isObject(signature) && ['kid', 'algorithm', 'value'].every((name) => typeof signature[name] === 'string'))) &&
    (amendment === undefined ||
      (isObject(amendment) && isTerms(amendment['terms']) && areObjects(amendment['consents'])))
  );
}

function isTerms(value: unknown): boolean {
  return isObject(value) && ['grantor', 'grantee', 'constraints'].every((name) => isObject(value[name]));
}

function areObjects(value: unknown): boolean {
  return Array.isArray(value) && value.every(isObject);
}
