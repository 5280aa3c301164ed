import type { RecordId } from '@countersign/kernel';
import { type Evidence, recordsOf } from '../evidence.ts';
import type { ManifestFacts } from '../facts.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/**
 * The log recorded the content beforehand, so a forwarder cannot omit a record. Manifests of earlier exports count too.
 */
export const bundleIsComplete: Check = {
  id: 'manifest',
  title: 'The bundle holds exactly what the log listed for it',
  reads: { 'evidence.exported': [] },
  run(evidence) {
    const findings: Finding[] = [];
    const manifests = manifestsOf(evidence, findings);
    const listed = new Set<string>(evidence.bundle.manifest);
    for (const { record, entries } of manifests) {
      for (const entry of entries) {
        listed.add(entry.id);
        findings.push(...faultOf(evidence, entry, record));
      }
    }
    for (const { id, index } of evidence.leaves)
      if (id === undefined || !listed.has(id))
        findings.push({
          code: 'record_unlisted',
          detail: `The record at index ${index} is in the bundle and in no manifest of this export.`,
          ...(id === undefined ? {} : { record: id }),
        });
    for (const earlier of earlierManifests(evidence))
      for (const entry of earlier.facts.records) findings.push(...faultOf(evidence, entry, earlier.id));
    return conclude(
      findings,
      `${counted(listed.size - manifests.length, 'record')} listed, all present, in ${counted(manifests.length, 'list')} of the log.`,
    );
  },
};

type Entry = ManifestFacts['records'][number];

function manifestsOf(
  evidence: Evidence,
  findings: Finding[],
): readonly { readonly record: RecordId; readonly entries: readonly Entry[] }[] {
  const { manifest, transaction } = evidence.bundle;
  return manifest.flatMap((id, position) => {
    const record = evidence.byId.get(id);
    const facts = record?.facts;
    if (record === undefined || facts?.kind !== 'evidence.exported') {
      findings.push({
        code: 'record_missing',
        detail: 'The record that lists the contents of the bundle is not in it.',
        record: id,
      });
      return [];
    }
    // Since version 2 every part names the first, because parts of two exports could omit records.
    const [first] = manifest;
    const ofThisExport = position === 0 || record.v === 1 || (first !== undefined && record.references.includes(first));
    if (
      facts.transaction !== transaction ||
      facts.part !== position + 1 ||
      facts.parts !== manifest.length ||
      !ofThisExport
    ) {
      findings.push({
        code: 'record_missing',
        detail: 'The list of contents is of another export, or only part of one.',
        record: id,
      });
      return [];
    }
    return [{ record: id, entries: facts.records }];
  });
}

function faultOf(evidence: Evidence, entry: Entry, manifest: RecordId): readonly Finding[] {
  const leaf = evidence.leafById.get(entry.id);
  if (leaf === undefined)
    return [
      {
        code: 'record_missing',
        detail: `The manifest ${manifest} lists a record that the bundle lacks.`,
        record: entry.id,
      },
    ];
  if (leaf.hash.toString('base64url') !== entry.leafHash)
    return [
      {
        code: 'record_altered',
        detail: `The record has another hash than the manifest ${manifest} states.`,
        record: entry.id,
      },
    ];
  return [];
}

function earlierManifests({ records, bundle }: Evidence): readonly BundledRecord<ManifestFacts>[] {
  return recordsOf(records, 'evidence.exported').filter(
    (record) => record.facts.transaction === bundle.transaction && !bundle.manifest.includes(record.id),
  );
}
