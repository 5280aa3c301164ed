import { startWitness } from '@countersign/server';
import { runMeasured } from './measured-server.ts';

export interface WitnessServerSettings {
  /** Of its own. */
  readonly folder: string;
  readonly name: string;
  /** C2SP verifier key of the log. */
  readonly log: string;
}

/** A witness as `countersign witness start` starts it. Its address ends in its verifier key. */
await runMeasured(async ({ folder, name, log }: WitnessServerSettings) => {
  const { address, verifierKey, stop } = await startWitness({ folder, name, host: '127.0.0.1', port: 0, logs: [log] });
  return { url: `${address}#${verifierKey}`, stop };
});
