import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('separate-processes.md', 11, { alsoAsRoot: true });
