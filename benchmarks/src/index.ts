export { figure, type Result, type Round, ratio } from './measure.ts';
export { fullPace, type Pace, quickPace } from './pace.ts';
export { formatReport } from './report.ts';
export { type BenchmarkOptions, type BenchmarkReport, runBenchmarks, type SuiteName, suiteNames } from './run.ts';
