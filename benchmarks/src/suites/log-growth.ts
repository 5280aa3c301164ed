import type { EvidenceSite } from '../evidence/evidence-site.ts';
import { termsBehind } from '../evidence/terms-behind.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { repeated } from '../repeated.ts';
import { draft } from './appends.ts';

/** Callers at once: enough for batches. */
const callers = 128;

/** What an append costs at each size of the log: nothing of it may grow with the log. */
export async function measureLogGrowth(options: {
  readonly sites: readonly EvidenceSite[];
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly Result[]> {
  const { sites, pace, onProgress } = options;
  const behind = sites.map((site) => termsBehind(site));
  try {
    const contenders = sites.map(({ name, auditLog }, place) =>
      repeated({
        name,
        callers,
        work: () => auditLog.append(draft()),
        settle: async () => behind[place]?.settle(),
        warmUpSeconds: pace.warmUpSeconds,
      }),
    );
    const turns = { rounds: pace.evidence.rounds, seconds: pace.evidence.seconds };
    return await measureInTurn(contenders, turns, (said) => onProgress(`appends as the log grows: ${said}`));
  } finally {
    await Promise.all(behind.map((one) => one.stop()));
  }
}
