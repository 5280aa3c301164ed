import { describe, expect, it } from 'vitest';
import { isAsShown, stepsOf, stepsThatStart } from '../testing/guide.ts';

describe('printed output, compared with the guide', () => {
  it.each([
    ['the same', 'a\nb', 'a\nb', true],
    ['something else', 'a\nc', 'a\nb', false],
    ['one line too many', 'a\nb\nc', 'a\nb', false],
    ['one line too few', 'a', 'a\nb', false],
    ['a varying value', '{"id":"chg_01","x":1}', '{"id":"...","x":1}', true],
    ['another line where only a part may differ', '{"id":"chg_01\n","x":1}', '{"id":"...","x":1}', false],
    ['any lines', 'a\nx\ny\nb', 'a\n...\nb', true],
    ['no line where there may be any', 'a\nb', 'a\n...\nb', true],
    ['a line that goes on where there may be any', 'a\nxb', 'a\n...\nb', false],
    ['signs that mean something elsewhere', 'a.b(c)', 'a.b(c)', true],
    ['a sign for another', 'axb', 'a.b', false],
  ])('%s', (_, printed, shown, same) => {
    expect(isAsShown(printed, shown)).toBe(same);
  });
});

describe('the blocks up to the last that starts something', () => {
  const pageOf = (...blocks: readonly string[]) => blocks.map((block) => `\`\`\`sh\n${block}\n\`\`\`\n`).join('\n');

  it.each([
    ['a server', ['node countersign.js start --data data &', 'countersign key list'], 1],
    ['a run', ['cd x', 'countersign demo --keep kept', 'ls'], 2],
    ['a server again', ['start', 'countersign key list', 'stop; start\nls', 'countersign key list'], 3],
    ['nothing', ['countersign key list', '# start it', 'echo restart --start=1 demo/data'], 0],
  ])('%s', (_, blocks, steps) => {
    expect(stepsThatStart(stepsOf(pageOf(...blocks)))).toBe(steps);
  });
});
