// Byte positions in a record. Imports nothing: a thread that reads records loads only this.

const exampleTime = '2026-01-01T00:00:00.000Z';

/** Version and time, of constant length. */
export function headOf(time: string): string {
  return `{"v":2,"time":"${time}",`;
}

export const headLength = headOf(exampleTime).length;

/** SQL counts from 1. */
export const timePlace = { from: '{"v":2,"time":"'.length + 1, length: exampleTime.length } as const;

export const streamPlace = {
  from: `${headOf(exampleTime)}"stream":"`.length + 1,
  length: 'src_'.length + 26,
} as const;

export const numberPlace = streamPlace.from + streamPlace.length + '","number":'.length;
