import { it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { authorityMatrix } from './matrix.ts';
import { controlRules as neu } from './rules.ts';
import { controlRules as old } from './zz-old.ts';

it('x', { timeout: 600_000 }, async () => {
  const bundle = loadBundle(await readBundleFolder('/work/wt/pol/components/policy-engine/policies/'));
  console.log(
    neu.length,
    old.length,
    neu
      .filter((r, i) => r.says !== old[i]?.says || r.expects !== old[i]?.expects || r.id !== old[i]?.id)
      .map((r) => r.id),
  );
  let n = 0;
  const diff = new Map();
  const hits = new Map();
  for (const row of authorityMatrix(bundle)) {
    n++;
    for (let i = 0; i < neu.length; i++) {
      const a = neu[i].applies(row),
        b = old[i].applies(row);
      if (b) hits.set(i, 1);
      if (a !== b) diff.set(neu[i].id, (diff.get(neu[i].id) ?? 0) + 1);
    }
  }
  console.log(n, hits.size, [...diff]);
});
