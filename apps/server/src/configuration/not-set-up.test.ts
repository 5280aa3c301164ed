import { describe, expect, it } from 'vitest';
import { connectionsOf, tooFewConnections } from '../database/database.ts';
import type { Configuration } from './configuration.ts';
import { notSetUp } from './not-set-up.ts';

const settings = (changes: object, environment = 'production') => ({ environment, ...changes }) as Configuration;

describe('a start', () => {
  it('lists what production lacks, each with the setting that adds it', () => {
    const lines = notSetUp(settings({})).join('\n');
    for (const setting of ['signIn.authenticators.metadataFile', 'publication.witnesses', 'clock.source'])
      expect(lines).toContain(setting);
    expect(notSetUp(settings({ clock: { source: 'system' } }))).toHaveLength(3);
    expect(notSetUp(settings({}, 'development'))).toEqual([]);
  });

  it('does not list what is configured', () => {
    const complete = {
      signIn: { authenticators: { rootsFile: '/etc/countersign/makers.pem' } },
      publication: { witnesses: { policy: 'file:/etc/countersign/witnesses' } },
      clock: { source: 'chrony' },
    };
    expect(notSetUp(settings(complete))).toEqual([]);
  });

  it('warns if the database allows fewer connections than its processes may need', () => {
    expect(connectionsOf('audit-log')).toBeGreaterThan(0);
    expect(tooFewConnections(97, 1)).toMatch(/max_connections of PostgreSQL to \d+/);
    expect(tooFewConnections(357, 2)).toBeUndefined();
    expect(tooFewConnections(317, 3)).toContain('databaseProcesses: 3');
  });
});
