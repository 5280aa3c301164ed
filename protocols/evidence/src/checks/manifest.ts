import type { RecordId } from '@countersign/kernel';
import { type Evidence, recordsOf } from '../evidence.ts';
import type { FactsOf } from '../facts.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** The log recorded the content first, so a forwarder cannot omit a record. Earlier manifests count too. */
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
        findings.push(
          finding(
            'record_unlisted',
            `The record at index ${index} is in the bundle and in no manifest of this export.`,
            id,
          ),
        );
    for (const earlier of earlierManifests(evidence))
      for (const entry of earlier.facts.records) findings.push(...faultOf(evidence, entry, earlier.id));
    return conclude(
      findings,
      `${counted(listed.size - manifests.length, 'record')} listed, all present, in ${counted(manifests.length, 'list')} of the log.`,
    );
  },
};

type Entry = FactsOf<'evidence.exported'>['records'][number];

function manifestsOf(
  evidence: Evidence,
  findings: Finding[],
): readonly { readonly record: RecordId; readonly entries: readonly Entry[] }[] {
  const { manifest, transaction } = evidence.bundle;
  return manifest.flatMap((id, position) => {
    const record = evidence.byId.get(id);
    const facts = record?.facts;
    if (record === undefined || facts?.kind !== 'evidence.exported') {
      findings.push(finding('record_missing', 'The record that lists the contents of the bundle is not in it.', id));
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
      findings.push(finding('record_missing', 'The list of contents is of another export, or only part of one.', id));
      return [];
    }
    return [{ record: id, entries: facts.records }];
  });
}

function faultOf(evidence: Evidence, entry: Entry, manifest: RecordId): readonly Finding[] {
  const leaf = evidence.leafById.get(entry.id);
  if (leaf === undefined)
    return [finding('record_missing', `The manifest ${manifest} lists a record that the bundle lacks.`, entry.id)];
  if (leaf.hash.toString('base64url') !== entry.leafHash)
    return [finding('record_altered', `The record has another hash than the manifest ${manifest} states.`, entry.id)];
  return [];
}

function earlierManifests({ records, bundle }: Evidence): readonly BundledRecord<FactsOf<'evidence.exported'>>[] {
  return recordsOf(records, 'evidence.exported').filter(
    (record) => record.facts.transaction === bundle.transaction && !bundle.manifest.includes(record.id),
  );
}
