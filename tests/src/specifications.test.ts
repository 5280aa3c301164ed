import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { createCertificates, withMutualTls } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// docs/specifications.md lists the enabled options. Its statements about the metadata are compared with a running server.

type Metadata = Readonly<Record<string, unknown>>;

const page = readFileSync(fileURLToPath(new URL('../../docs/specifications.md', import.meta.url)), 'utf8');
const sections = [
  ['OAuth and OpenID Connect', '/.well-known/openid-configuration'],
  ['Shared Signals', '/.well-known/ssf-configuration'],
  ['Decisions', '/.well-known/authzen-configuration'],
  ['Provisioning', '/scim/v2/ServiceProviderConfig'],
] as const;

interface Entry {
  readonly text: string;
  readonly member: string;
}

/** The entries in the last column of the table under a heading. */
function entriesUnder(heading: string): readonly Entry[] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const [own = ''] = section.split('\n## ');
  return own
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| specification'))
    .flatMap((line) => {
      const cells = line.split('|');
      return [...(cells[5] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => ({
        text,
        member: text.split(/[: ]/)[0] ?? '',
      }));
    });
}

/** The metadata that an entry implies, and the actual value. */
function compared({ text, member }: Entry, metadata: Metadata): readonly [said: string, found: string] {
  const value = metadata[member];
  const values = (Array.isArray(value) ? value : [value]).map(String);
  const [, relation = '', operand = ''] = /^[a-zA-Z_]+(: | has | lacks )(.+)$/.exec(text) ?? [];
  switch (relation) {
    case ' has ':
      return [`${member} has ${operand}`, `${member} ${values.includes(operand) ? 'has' : 'lacks'} ${operand}`];
    case ' lacks ':
      return [`${member} lacks ${operand}`, `${member} ${values.includes(operand) ? 'has' : 'lacks'} ${operand}`];
    case ': ':
      return [`${member}: ${operand}`, `${member}: ${describeValue(value, values, operand)}`];
    default:
      throw new Error(`an entry that says nothing: ${text}`);
  }
}

function describeValue(value: unknown, values: readonly string[], operand: string): string {
  if (value === undefined) return 'absent';
  if (operand === 'present') return 'present';
  if (typeof value === 'object' && value !== null && 'supported' in value)
    return value.supported === true ? 'supported' : 'unsupported';
  if (operand === 'address') return typeof value === 'string' && URL.canParse(value) ? 'address' : 'no address';
  return values.join(' ');
}

describe.each(sections)('the specifications page, on %s,', (heading, path) => {
  const folder = scratchFolder();
  let controlPlane: RunningControlPlane;
  let metadata: Metadata;
  beforeAll(async () => {
    controlPlane = await runControlPlane(await withMutualTls(await configurationIn(folder.path), createCertificates()));
    metadata = (await (await fetch(controlPlane.issuer + path)).json()) as Metadata;
  });
  afterAll(async () => {
    await controlPlane?.stop();
    folder.remove();
  });

  const entries = entriesUnder(heading);

  it('says what the server publishes', () => {
    expect(entries.length).toBeGreaterThan(6);
    const pairs = entries.map((entry) => compared(entry, metadata));
    expect(pairs.map(([, found]) => found)).toEqual(pairs.map(([said]) => said));
  });

  it('names every published member', () => {
    const named = new Set(entries.map(({ member }) => member));
    expect(Object.keys(metadata).filter((member) => !named.has(member))).toEqual([]);
  });
});
