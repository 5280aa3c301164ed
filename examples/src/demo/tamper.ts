import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import type { Processes } from './processes.ts';
import { PlayFailed, type Stage } from './workflow.ts';

interface BundleDocument {
  records: { index: string; leaf: string; proof: string[] }[];
  [member: string]: unknown;
}

/** Three manipulations of a bundle. `countersign evidence verify` detects and names each one. */
export async function tamper({ timeline }: Stage, processes: Processes, folder: string): Promise<void> {
  timeline.chapter('Three lies about it, and what the verifier says');
  const bundle = readFileSync(join(folder, 'order.evidence.json'), 'utf8');
  const trust = join(folder, 'trust.json');

  const lie = async (what: string, change: (document: BundleDocument) => void): Promise<void> => {
    const document = JSON.parse(bundle) as BundleDocument;
    change(document);
    const file = join(folder, 'tampered.evidence.json');
    writeFileSync(file, JSON.stringify(document));
    timeline.refused(what, await verifierOutput(processes, file, trust));
  };

  await lie('one byte of a record changed', ({ records }) => {
    const record = records[Math.floor(records.length / 2)];
    if (record === undefined) throw new PlayFailed('an empty bundle');
    const leaf = Buffer.from(record.leaf, 'base64url').toString();
    // Changes the last digit of the record's time, so that the record stays well-formed.
    const changed = leaf.replace(
      /("time":"[^"]*)(\d)Z"/,
      (_, before: string, digit: string) => `${before}${Number(digit) ^ 1}Z"`,
    );
    if (changed === leaf) throw new PlayFailed('a record without a time');
    record.leaf = Buffer.from(changed).toString('base64url');
  });
  await lie('a record left out', ({ records }) => {
    records.splice(Math.floor(records.length / 2), 1);
  });
  await lie("a checkpoint of another log's making", (document) => {
    document['checkpoint'] = String(document['checkpoint']).replace(
      /^(.*\n)(\d+)\n/,
      (_, origin: string, size: string) => `${origin}${Number(size) + 1}\n`,
    );
  });
}

async function verifierOutput(processes: Processes, file: string, trust: string): Promise<string> {
  try {
    await processes.run('evidence', 'verify', file, '--trust', trust, '--json');
  } catch (error) {
    if (!isCodedError(error, 'command_failed')) throw error;
    const { output } = error.facts as { output: string };
    const { steps } = JSON.parse(output) as { steps: readonly { ok: boolean; code?: string; record?: string }[] };
    const codes = [...new Set(steps.filter(({ ok }) => !ok).map(({ code }) => code ?? 'unnamed'))];
    return codes.join(', ');
  }
  throw new PlayFailed('a tampered bundle was accepted');
}
